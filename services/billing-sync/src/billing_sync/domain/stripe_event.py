"""Which of Stripe's events matter, and what each makes us look at. The payload itself is never believed."""

import json
from dataclasses import dataclass

# Source: docs.stripe.com/api/events/types.
ENABLED_EVENTS = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.created",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.updated",
    "invoice.voided",
    "invoice.marked_uncollectible",
)
_JOBS = (("checkout.session.", "session"), ("customer.subscription.", "stripe_subscription"), ("invoice.", "invoice"))


class MalformedEvent(ValueError):
    """Signed, but not an event: nothing of Stripe's looks like that."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """What is read of a webhook: enough to fetch the object anew."""

    event_id: str
    kind: str
    object_id: str


def parse_event(payload: bytes) -> ReceivedEvent:
    """Read id, type and object id of a snapshot event. Raises MalformedEvent."""
    try:
        body = json.loads(payload)
        event = ReceivedEvent(body["id"], body["type"], body["data"]["object"]["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedEvent("not a Stripe event") from error
    if not all(isinstance(v, str) and 0 < len(v) <= 255 for v in (event.event_id, event.kind, event.object_id)):
        raise MalformedEvent("not a Stripe event")
    return event


def job_kind(event_kind: str) -> str | None:
    """The kind of job that looks at the event's object; None for events that do not matter."""
    return next((kind for prefix, kind in _JOBS if event_kind.startswith(prefix)), None)
