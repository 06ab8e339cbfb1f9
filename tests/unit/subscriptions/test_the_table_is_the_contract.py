"""The lifecycle written a second time, by hand from the contract: a row more, less or elsewhere is a failure here.

A status, then what can happen to it and what it then is. Stripe's own state decides among the live ones, from each of
them: we may have missed any step in between.
"""

from itertools import product

from subscriptions.domain.lifecycle import ADMITTING, ALL, ENDED, LIVE, TABLE, Happening, next_status

STRIPE_LIVE = "Stripe: trialing=trialing, Stripe: active=active, Stripe: past_due=past_due, Stripe: unpaid=unpaid"
STRIPE_LIVE += ", Stripe: paused=paused"
GOING = f"{STRIPE_LIVE}, Stripe: canceled=canceled, Stripe disconnected=canceled"
GOING += ", cancel now, paid plan=canceling, closed at Stripe=canceled"

CONTRACT = {
    None: "requested, free plan=active, requested, paid plan=pending_payment, refused=rejected",
    "pending_payment": f"{STRIPE_LIVE}, refused=rejected, half confirmed=pending_payment"
    ", Checkout expired=incomplete_expired, withdrawn=incomplete_expired, withdrawn after Checkout=canceling"
    ", abandoned=incomplete_expired, Stripe: incomplete=incomplete, Stripe: incomplete_expired=incomplete_expired"
    ", Stripe: canceled=canceled, Stripe disconnected=rejected",
    "incomplete": f"{GOING}, half confirmed=incomplete, Checkout expired=incomplete_expired"
    ", abandoned=incomplete_expired, Stripe: incomplete=incomplete, Stripe: incomplete_expired=incomplete_expired",
    "trialing": GOING,
    "active": f"{GOING}, free period renews=active, scheduled end of a free plan=canceled"
    ", cancel now, free plan=canceled",
    "past_due": GOING,
    "unpaid": GOING,
    "paused": GOING,
    # Access is off: whatever Stripe says of a subscription that is being closed, nothing revives it.
    "canceling": "Stripe: trialing=canceling, Stripe: active=canceling, Stripe: past_due=canceling"
    ", Stripe: unpaid=canceling, Stripe: paused=canceling, Stripe: canceled=canceling"
    ", closed at Stripe=canceled, not closed in 24 hours=canceled, Stripe disconnected=canceled",
    "canceled": "closed at Stripe=canceled",
    "rejected": "Checkout completed late=canceling",
    "incomplete_expired": "Checkout completed late=canceling",
}


def rows(text: str) -> dict[str, str]:
    """Of one status. A happening may have a comma in its name, a status has none."""
    found: dict[str, str] = {}
    name = ""
    for piece in text.split(", "):
        name = f"{name}, {piece}" if name else piece
        if "=" in piece:
            happening, _, status = name.partition("=")
            found[happening] = status
            name = ""
    return found


def test_every_row_and_no_other() -> None:
    expected = {
        (before, Happening(happening)): after
        for before, text in CONTRACT.items()
        for happening, after in rows(text).items()
    }
    assert dict(TABLE) == expected


def test_what_has_no_row_has_no_next_status() -> None:
    for before, happening in product([None, *ALL], Happening):
        after = rows(CONTRACT[before]).get(happening.value)
        assert next_status(before, happening) == after, (before, happening)


def test_groups_of_statuses() -> None:
    assert LIVE == ("incomplete", "trialing", "active", "past_due", "unpaid", "paused")
    assert ENDED == ("rejected", "incomplete_expired", "canceled")
    assert ADMITTING == ("trialing", "active", "past_due")
    assert ("pending_payment", *LIVE, "canceling", *ENDED) == ALL
    assert set(ALL) == {status for status in CONTRACT if status}
