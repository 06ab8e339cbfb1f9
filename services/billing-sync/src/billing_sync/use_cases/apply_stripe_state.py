"""Look at an object at Stripe and apply what it is now: sessions, subscriptions, invoices; never a payload."""

import hashlib
from dataclasses import replace

import msgspec

from billing_sync.domain.records import MirroredInvoice, Subscription
from billing_sync.domain.stripe_facts import InvoiceFacts, Permanent, SessionFacts, SubscriptionFacts
from billing_sync.ports import Deps, Job, Tx
from billing_sync.use_cases.outcome import DONE, Outcome, again, connected_account, open_account
from billing_sync.use_cases.renew_period import begin_renewal
from shared.events.billing import (
    CheckoutCompleted,
    CheckoutExpired,
    InvoiceLine,
    InvoiceUpdated,
    StripeSubscriptionUpdated,
)
from shared.events.envelope import encode

ENDED = frozenset({"incomplete_expired", "rejected"})
_NOT_YET_SECONDS = 0.5


async def look_at_session(deps: Deps, job: Job) -> Outcome:
    """Key: organization/session. A session that is not ours is nobody's business."""
    organization_id, _, session_id = job.key.partition("/")
    async with deps.work.transaction(job) as tx:
        account = await connected_account(tx, organization_id)
        subscription_id = await tx.subscription_id_by_session(organization_id, session_id)
    if account is None:
        return DONE
    session = await open_account(deps, account).session(session_id)
    subscription_id = subscription_id or session.client_reference_id
    if subscription_id is None:
        return DONE
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(subscription_id)
        if subscription is None or subscription.organization_id != organization_id:
            return DONE
        if subscription.session_id is None and subscription.status == "pending_payment":
            return again(_NOT_YET_SECONDS)  # paid before the session's id was stored
        if subscription.session_id == session_id:
            await _apply_session(tx, replace(subscription, refreshed_at=deps.clock.now()), session)
    return DONE


async def _apply_session(tx: Tx, subscription: Subscription, session: SessionFacts) -> None:
    key = subscription.subscription_id
    changed = (session.status, session.payment_status) != (subscription.session_status, subscription.payment_status)
    await tx.save_subscription(
        replace(
            subscription,
            session_status=session.status,
            payment_status=session.payment_status,
            stripe_subscription_id=session.subscription or subscription.stripe_subscription_id,
            slot_freed=subscription.slot_freed or session.status == "expired",
        )
    )
    if session.status == "complete" and subscription.status in ENDED:
        await tx.request("withdraw", key)
        return
    if changed and session.status == "complete":
        payment = session.payment_status
        if payment in ("paid", "no_payment_required", "unpaid"):
            event = CheckoutCompleted(subscription_id=key, session_id=session.session_id, payment_status=payment)  # type: ignore[arg-type]
            await tx.publish(key, event)
    elif changed and session.status == "expired":
        await tx.publish(key, CheckoutExpired(subscription_id=key, session_id=session.session_id))
    if session.subscription is not None:
        await tx.request("refresh", key)


async def look_at_stripe_subscription(deps: Deps, job: Job) -> Outcome:
    """Key: organization/Stripe's subscription. Finds ours, by its id or by our metadata."""
    organization_id, _, stripe_id = job.key.partition("/")
    async with deps.work.transaction(job) as tx:
        account = await connected_account(tx, organization_id)
        subscription_id = await tx.subscription_id_by_stripe(organization_id, stripe_id)
    if account is None:
        return DONE
    if subscription_id is None:
        subscription_id = (await open_account(deps, account).subscription(stripe_id)).subscription_id
    if subscription_id is None:
        return DONE
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(subscription_id)
        if subscription is None or subscription.organization_id != organization_id:
            return DONE
        if subscription.stripe_subscription_id is None:
            # CheckoutCompleted comes first: the session says which Stripe subscription is the right one.
            if subscription.session_id is not None:
                await tx.request("session", f"{organization_id}/{subscription.session_id}")
        elif subscription.stripe_subscription_id == stripe_id:
            await tx.request("refresh", subscription_id)
    return DONE


async def refresh_subscription(deps: Deps, job: Job) -> Outcome:
    """Fetch a subscription and publish its state if anything changed. `observed` grows; a lost lease cannot publish."""
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(job.key)
        if subscription is None or subscription.stripe_subscription_id is None:
            return DONE
        account = await connected_account(tx, subscription.organization_id)
    if account is None:
        return DONE
    facts = await open_account(deps, account).subscription(subscription.stripe_subscription_id)
    async with deps.work.transaction(job) as tx:
        current = await tx.subscription(job.key)
        if current is None:
            return DONE
        updated = _with_facts(current, facts)
        is_new = updated != current or current.observed == 0
        if is_new:
            updated = replace(updated, observed=current.observed + 1)
        await tx.save_subscription(replace(updated, refreshed_at=deps.clock.now()))
        await tx.save_period(job.key, facts.period_start, facts.period_end)
        ended_early = facts.ended_at is not None and facts.ended_at < facts.period_end
        if facts.status == "canceled" and ended_early and await tx.closing(job.key) is None:
            # Deleted at Stripe by somebody else: nothing bills the open usage any more, it shows as late.
            await tx.close_period(job.key, facts.period_start)
        if is_new:
            await tx.publish(job.key, _updated_event(job.key, facts, updated.observed))
        await tx.request("push", job.key)
    return DONE


def _with_facts(subscription: Subscription, facts: SubscriptionFacts) -> Subscription:
    return replace(
        subscription,
        stripe_status=facts.status,
        stripe_cancel_at_period_end=facts.cancel_at_period_end,
        stripe_cancel_at=facts.cancel_at,
        stripe_canceled_at=facts.canceled_at,
        stripe_ended_at=facts.ended_at or subscription.stripe_ended_at,
        stripe_period_start=facts.period_start,
        stripe_period_end=facts.period_end,
    )


def _updated_event(subscription_id: str, facts: SubscriptionFacts, observed: int) -> StripeSubscriptionUpdated:
    return StripeSubscriptionUpdated(
        subscription_id=subscription_id,
        stripe_subscription_id=facts.stripe_subscription_id,
        status=facts.status,  # type: ignore[arg-type]
        observed=observed,
        current_period_start=facts.period_start,
        current_period_end=facts.period_end,
        cancel_at_period_end=facts.cancel_at_period_end,
        cancel_at=facts.cancel_at,
        canceled_at=facts.canceled_at,
        ended_at=facts.ended_at,
    )


async def schedule_end(deps: Deps, job: Job) -> Outcome:
    """Schedule an end at Stripe or take it back, as our subscription now says."""
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(job.key)
        if subscription is None or subscription.stripe_subscription_id is None:
            return DONE
        account = await connected_account(tx, subscription.organization_id)
    if account is None:
        return DONE
    try:
        stripe, stripe_id = open_account(deps, account), subscription.stripe_subscription_id
        if subscription.cancel_at_period_end or subscription.stripe_cancel_at_period_end:
            await stripe.set_cancel_at_period_end(stripe_id, subscription.cancel_at_period_end)
        elif not subscription.has_scheduled_end:
            # Scheduled by date, as Stripe's own portal does.
            await stripe.clear_cancel_at(stripe_id)
    except Permanent as error:
        if subscription.stripe_status != "canceled" and not error.is_missing:
            raise
    async with deps.work.transaction(job) as tx:
        await tx.request("refresh", job.key)
    return DONE


async def look_at_invoice(deps: Deps, job: Job) -> Outcome:
    """Key: organization/invoice. Mirror it, publish it if it changed, and start what a renewal's draft needs."""
    organization_id, _, invoice_id = job.key.partition("/")
    async with deps.work.transaction(job) as tx:
        account = await connected_account(tx, organization_id)
    if account is None:
        return DONE
    try:
        facts = await open_account(deps, account).invoice(invoice_id)
    except Permanent as error:
        if error.is_missing:
            return DONE  # a deleted draft
        raise
    async with deps.work.transaction(job) as tx:
        subscription_id = facts.metadata.get("subscription_id")
        if facts.stripe_subscription_id is not None:
            # The first invoice (a fee in advance) is paid before Checkout's session tells which subscription it made.
            known = await tx.subscription_id_by_stripe(organization_id, facts.stripe_subscription_id)
            subscription_id = known or facts.subscription_id
        subscription = await tx.subscription(subscription_id) if subscription_id else None
        if subscription is None or subscription.organization_id != organization_id:
            return DONE
        await mirror_invoice(tx, subscription, facts, deps)
        await begin_renewal(tx, subscription, facts)
        if facts.status != "draft":
            # The renewal closes its period and shows what came too late.
            if await tx.renewal(invoice_id) is not None:
                await tx.request("renewal", invoice_id)
            await tx.request("refresh", subscription.subscription_id)
        if subscription.stripe_status == "canceled" and facts.status in ("paid", "void", "uncollectible"):
            await tx.save_subscription(replace(subscription, slot_freed=True))
    return DONE


async def mirror_invoice(tx: Tx, subscription: Subscription, facts: InvoiceFacts, deps: Deps) -> None:
    """Publish an invoice when it differs from what was published last."""
    known = await tx.invoice(facts.invoice_id)
    event = _invoice_event(subscription, facts, known, deps)
    digest = hashlib.sha256(encode(msgspec.structs.replace(event, observed=0))).hexdigest()
    if known is not None and known.digest == digest:
        return
    mirrored = MirroredInvoice(
        invoice_id=facts.invoice_id,
        organization_id=subscription.organization_id,
        subscription_id=subscription.subscription_id,
        observed=event.observed,
        status=facts.status,
        billing_reason=facts.billing_reason,
        digest=digest,
        paid_at=event.paid_at,
    )
    await tx.save_invoice(mirrored, encode(event))
    await tx.publish(subscription.subscription_id, event)


def _invoice_event(
    subscription: Subscription, facts: InvoiceFacts, known: MirroredInvoice | None, deps: Deps
) -> InvoiceUpdated:
    paid_at = None
    if facts.status == "paid":
        paid_at = facts.paid_at or (known.paid_at if known else None) or deps.clock.now()
    return InvoiceUpdated(
        invoice_id=facts.invoice_id,
        organization_id=subscription.organization_id,
        developer_id=subscription.developer_id,
        subscription_id=subscription.subscription_id,
        observed=(known.observed if known else 0) + 1,
        status=facts.status,  # type: ignore[arg-type]
        currency=facts.currency,
        total_minor=facts.total_minor,
        amount_due_minor=facts.amount_due_minor,
        amount_paid_minor=facts.amount_paid_minor,
        created_at=facts.created_at,
        period_start=facts.period_start,
        period_end=facts.period_end,
        lines=tuple(
            InvoiceLine(
                description=line.description,
                quantity=line.quantity,
                amount_minor=line.amount_minor,
                period_start=line.period_start,
                period_end=line.period_end,
                unit_amount_decimal=line.unit_amount_decimal,
            )
            for line in facts.lines
        ),
        number=facts.number,
        billing_reason=facts.billing_reason,
        hosted_invoice_url=facts.hosted_invoice_url,
        invoice_pdf=facts.invoice_pdf,
        paid_at=paid_at,
    )
