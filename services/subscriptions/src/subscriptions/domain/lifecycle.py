"""The lifecycle of a subscription as data: (status, happening) -> status. What is not here does not happen.

The diagram in docs/flows/subscription.md is drawn from this table (`python -m subscriptions.domain.diagram`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from shared.events.subscriptions import SubscriptionStatus


class Happening(StrEnum):
    """What can happen to a subscription. `STRIPE_x`: Stripe's own state of it is now x."""

    REQUESTED_FREE = "requested, free plan"
    REQUESTED_PAID = "requested, paid plan"
    REFUSED = "refused"
    CHECKOUT_WAITS = "half confirmed"
    CHECKOUT_EXPIRED = "Checkout expired"
    WITHDRAWN = "withdrawn"
    WITHDRAWN_AFTER_CHECKOUT = "withdrawn after Checkout"
    ABANDONED = "abandoned"
    LATE_CHECKOUT = "Checkout completed late"
    STRIPE_INCOMPLETE = "Stripe: incomplete"
    STRIPE_INCOMPLETE_EXPIRED = "Stripe: incomplete_expired"
    STRIPE_TRIALING = "Stripe: trialing"
    STRIPE_ACTIVE = "Stripe: active"
    STRIPE_PAST_DUE = "Stripe: past_due"
    STRIPE_UNPAID = "Stripe: unpaid"
    STRIPE_PAUSED = "Stripe: paused"
    STRIPE_CANCELED = "Stripe: canceled"
    STRIPE_DISCONNECTED = "Stripe disconnected"
    RENEWED = "free period renews"
    PERIOD_ENDED = "scheduled end of a free plan"
    CANCELED_FREE = "cancel now, free plan"
    CANCELED_PAID = "cancel now, paid plan"
    CLOSED = "closed at Stripe"
    CLOSING_OVERDUE = "not closed in 24 hours"


H = Happening
Status = SubscriptionStatus

LIVE: Final[tuple[Status, ...]] = ("incomplete", "trialing", "active", "past_due", "unpaid", "paused")
ENDED: Final[tuple[Status, ...]] = ("rejected", "incomplete_expired", "canceled")
ALL: Final[tuple[Status, ...]] = ("pending_payment", *LIVE, "canceling", *ENDED)
# The only statuses in which a call may be let through (past_due: during the grace).
ADMITTING: Final[tuple[Status, ...]] = ("trialing", "active", "past_due")

# Stripe's present state decides among these: we may have missed any step in between, so every jump is a row.
_STRIPE_LIVE: Final[Mapping[Happening, Status]] = {
    H.STRIPE_TRIALING: "trialing",
    H.STRIPE_ACTIVE: "active",
    H.STRIPE_PAST_DUE: "past_due",
    H.STRIPE_UNPAID: "unpaid",
    H.STRIPE_PAUSED: "paused",
}

_FROM_NOTHING: Final[dict[tuple[Status | None, Happening], Status]] = {
    (None, H.REQUESTED_FREE): "active",
    (None, H.REQUESTED_PAID): "pending_payment",
    (None, H.REFUSED): "rejected",
}

# Before access: Checkout must be paid AND Stripe must say a live status, in either order; half of it is CHECKOUT_WAITS.
_PENDING: Final[dict[tuple[Status | None, Happening], Status]] = {
    ("pending_payment", H.REFUSED): "rejected",
    ("pending_payment", H.CHECKOUT_WAITS): "pending_payment",
    ("pending_payment", H.CHECKOUT_EXPIRED): "incomplete_expired",
    ("pending_payment", H.WITHDRAWN): "incomplete_expired",
    ("pending_payment", H.WITHDRAWN_AFTER_CHECKOUT): "canceling",
    ("pending_payment", H.ABANDONED): "incomplete_expired",
    ("pending_payment", H.STRIPE_INCOMPLETE): "incomplete",
    ("pending_payment", H.STRIPE_INCOMPLETE_EXPIRED): "incomplete_expired",
    ("pending_payment", H.STRIPE_CANCELED): "canceled",
    ("pending_payment", H.STRIPE_DISCONNECTED): "rejected",
    ("incomplete", H.CHECKOUT_WAITS): "incomplete",
    ("incomplete", H.CHECKOUT_EXPIRED): "incomplete_expired",
    ("incomplete", H.ABANDONED): "incomplete_expired",
    ("incomplete", H.STRIPE_INCOMPLETE): "incomplete",
    ("incomplete", H.STRIPE_INCOMPLETE_EXPIRED): "incomplete_expired",
    ("rejected", H.LATE_CHECKOUT): "canceling",
    ("incomplete_expired", H.LATE_CHECKOUT): "canceling",
    **{(before, h): after for before in ("pending_payment", "incomplete") for h, after in _STRIPE_LIVE.items()},
}

_LIVE_ROWS: Final[dict[tuple[Status | None, Happening], Status]] = {
    **{(before, h): after for before in LIVE if before != "incomplete" for h, after in _STRIPE_LIVE.items()},
    **{(before, H.STRIPE_CANCELED): "canceled" for before in LIVE},
    **{(before, H.STRIPE_DISCONNECTED): "canceled" for before in LIVE},
    **{(before, H.CANCELED_PAID): "canceling" for before in LIVE},
    **{(before, H.CLOSED): "canceled" for before in LIVE},
    ("active", H.RENEWED): "active",
    ("active", H.PERIOD_ENDED): "canceled",
    ("active", H.CANCELED_FREE): "canceled",
}

# Nothing leads back from here: a late update of Stripe moves a period at most, never the status.
_ENDING: Final[dict[tuple[Status | None, Happening], Status]] = {
    ("canceling", H.CLOSED): "canceled",
    ("canceling", H.CLOSING_OVERDUE): "canceled",
    ("canceling", H.STRIPE_DISCONNECTED): "canceled",
    ("canceling", H.STRIPE_CANCELED): "canceling",
    **{("canceling", h): "canceling" for h in _STRIPE_LIVE},
    ("canceled", H.CLOSED): "canceled",
}

TABLE: Final[Mapping[tuple[Status | None, Happening], Status]] = {**_FROM_NOTHING, **_PENDING, **_LIVE_ROWS, **_ENDING}


def next_status(status: Status | None, happening: Happening) -> Status | None:
    """The status after `happening`, or None: the table has no such row and nothing happens."""
    return TABLE.get((status, happening))
