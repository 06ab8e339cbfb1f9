"""A webhook: verify, store once, request the look at its object, answer. The work comes later.

Except for `invoice.created`: Stripe finalizes a draft an hour after that was answered 2xx, so it is answered when the
draft is safe. What is not answered is sent again, and the draft waits for 72 hours
(https://docs.stripe.com/billing/subscriptions/webhooks).
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from billing_sync.domain.records import StripeEvent
from billing_sync.domain.stripe_event import MalformedEvent, ReceivedEvent, job_kind, parse_event
from billing_sync.metrics import UNSAFE_DRAFTS, WEBHOOKS
from billing_sync.ports import Deps
from billing_sync.use_cases.outcome import connected_account
from shared.clock import real_now

SAFE_WITHIN_SECONDS = 5.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a webhook."""

    result: Literal["stored", "replayed", "unknown_organization", "bad_signature", "malformed"]
    event: ReceivedEvent | None = None


async def receive_stripe_event(deps: Deps, organization_id: str, payload: bytes, signature: str) -> Received:
    """Store a signed event and, in the same transaction, the job that fetches its object."""
    async with deps.work.transaction() as tx:
        account = await connected_account(tx, organization_id)
    if account is None or account.webhook_secret is None:
        return _counted("unknown_organization")
    if not deps.stripe.is_signed(payload, signature, deps.vault.decrypt(account.webhook_secret)):
        return _counted("bad_signature")
    try:
        event = parse_event(payload)
    except MalformedEvent:
        return _counted("malformed")
    row = StripeEvent(organization_id, event.event_id, event.kind, event.object_id, payload.decode("utf-8"), real_now())
    kind = job_kind(event.kind)
    async with deps.work.transaction() as tx:
        if not await tx.save_stripe_event(row):
            return _counted("replayed", event)
        if kind is not None:
            await tx.request(kind, f"{organization_id}/{event.object_id}")
    return _counted("stored", event)


async def draft_is_safe(deps: Deps, organization_id: str, received: Received) -> bool:
    """Whether Stripe may start its hour: usage cannot miss the invoice any more. Waits a moment for it.

    True for all other events. A renewal's draft is safe when it is held, or has all usage of its period.
    """
    event = received.event
    if event is None or event.kind != "invoice.created":
        return True
    key = f"{organization_id}/{event.object_id}"
    deadline = time.monotonic() + SAFE_WITHIN_SECONDS
    while not await _is_safe(deps, key, event.object_id):
        if time.monotonic() > deadline:
            if received.result == "replayed":
                async with deps.work.transaction() as tx:
                    await tx.request("invoice", key)
            UNSAFE_DRAFTS.inc()
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


async def _is_safe(deps: Deps, key: str, invoice_id: str) -> bool:
    async with deps.work.transaction() as tx:
        if not await tx.is_done("invoice", key):
            return False
        renewal = await tx.renewal(invoice_id)
    return renewal is None or renewal.held or renewal.step != "await_usage"


def _counted(
    result: Literal["stored", "replayed", "unknown_organization", "bad_signature", "malformed"],
    event: ReceivedEvent | None = None,
) -> Received:
    WEBHOOKS.labels(result).inc()
    return Received(result, event)
