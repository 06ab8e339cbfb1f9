"""Everything that happens because its time has come, one step at a time and in order."""

import copy

from stripe_double.engine import subscriptions
from stripe_double.engine.collection import advance
from stripe_double.store import Object, Store
from stripe_double.work import Work


def run(work: Work, obj: Object) -> None:
    """What a due object does."""
    if obj["object"] == "subscription":
        subscriptions.run_due(work, obj)
    elif obj["object"] == "invoice":
        _run_invoice(work, obj)
    else:
        expire_session(work, obj)


def _run_invoice(work: Work, invoice: Object) -> None:
    if invoice["status"] == "draft":
        give_up_at = invoice["created"] + work.config.invoice_created_wait_seconds
        if work.now < give_up_at and awaits_invoice_created(work.store, invoice["id"]):
            # Stripe finalizes only when `invoice.created` was answered 2xx, or after 72 hours.
            invoice |= {"_held": True, "_due_at": give_up_at}
            work.save(invoice)
            return
    before = copy.deepcopy(invoice)
    advance(work, invoice)
    work.emit_update("invoice.updated", before, invoice)


def awaits_invoice_created(store: Store, invoice_id: str) -> bool:
    """Whether an endpoint still owes a 2xx for this invoice's creation."""
    row = store.db.execute(
        "SELECT 1 FROM deliveries WHERE about = ? AND type = 'invoice.created' AND status = 'pending' LIMIT 1",
        (invoice_id,),
    ).fetchone()
    return row is not None


def release_held(work: Work, invoice_id: str) -> None:
    """The 2xx for `invoice.created` came (or will not come any more): finalize now, unless it was switched off."""
    invoice = work.get(invoice_id)
    if invoice is None or not invoice.get("_held") or awaits_invoice_created(work.store, invoice_id):
        return
    invoice["_held"] = False
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        invoice["_due_at"] = work.second
    work.save(invoice)


def expire_session(work: Work, session: Object) -> None:
    """An open Checkout session ends unused."""
    session |= {"status": "expired", "url": None, "_due_at": None}
    work.save(session)
    work.emit("checkout.session.expired", session)
