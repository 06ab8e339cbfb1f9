"""A webhook: verify, store once, request the look at its object, answer. The work comes later."""

from dataclasses import dataclass
from typing import Literal

from billing_sync.domain.records import StripeEvent
from billing_sync.domain.stripe_event import MalformedEvent, job_kind, parse_event
from billing_sync.metrics import WEBHOOKS
from billing_sync.ports import Deps
from billing_sync.use_cases.outcome import connected_account
from shared.clock import real_now


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a webhook."""

    result: Literal["stored", "replayed", "unknown_organization", "bad_signature", "malformed"]


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
            return _counted("replayed")
        if kind is not None:
            await tx.request(kind, f"{organization_id}/{event.object_id}")
    return _counted("stored")


def _counted(
    result: Literal["stored", "replayed", "unknown_organization", "bad_signature", "malformed"],
) -> Received:
    WEBHOOKS.labels(result).inc()
    return Received(result)
