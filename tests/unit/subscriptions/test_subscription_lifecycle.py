"""Every row of the table is reached by the decision that means it, and what has no row does nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.support.subscription_builders import NEXT, NOON, api, cancel, plan, request, stripe_says, subscription

from shared.events.billing import CheckoutCompleted, CheckoutRefused, StripeSubscriptionClosed
from subscriptions.domain.billing import (
    decide_checkout_completed,
    decide_checkout_expired,
    decide_checkout_refused,
    decide_stripe_closed,
    decide_stripe_updated,
)
from subscriptions.domain.deadlines import decide_due
from subscriptions.domain.ending import decide_cancel, decide_stripe_disconnected
from subscriptions.domain.lifecycle import ALL, LIVE, TABLE, Happening
from subscriptions.domain.plan_terms import Refusal
from subscriptions.domain.policy import Policy
from subscriptions.domain.requesting import Seen, decide_request, rejected
from subscriptions.domain.subscription import At, Subscription, step

H = Happening
AT = At(business=NOON + timedelta(hours=1), real=NOON + timedelta(hours=1))
LATER = At(business=NEXT + timedelta(days=60), real=NEXT + timedelta(days=60))
POLICY = Policy()
PAID = CheckoutCompleted(subscription_id="sub_1", session_id="cs_1", payment_status="paid")
UNPAID = CheckoutCompleted(subscription_id="sub_1", session_id="cs_1", payment_status="unpaid")
REFUSED = CheckoutRefused(subscription_id="sub_1", problem="stripe-not-connected", detail="Connect Stripe.")
CLOSED = StripeSubscriptionClosed(subscription_id="sub_1", ended_at=NOON, verified=True, reported_units=1)

Decide = Callable[[Subscription], Subscription | None]


def _stripe(status: str) -> Decide:
    return lambda s: decide_stripe_updated(s, stripe_says(status), AT)


HAPPENS: dict[Happening, Decide] = {
    H.REFUSED: lambda s: decide_checkout_refused(s, REFUSED, AT),
    H.CHECKOUT_WAITS: lambda s: decide_checkout_completed(s, UNPAID, AT),
    H.CHECKOUT_EXPIRED: lambda s: decide_checkout_expired(s, AT),
    H.WITHDRAWN: lambda s: decide_cancel(s, cancel(), AT),
    H.ABANDONED: lambda s: decide_due(s, LATER, POLICY),
    H.LATE_CHECKOUT: lambda s: decide_checkout_completed(s, PAID, AT),
    H.STRIPE_INCOMPLETE: _stripe("incomplete"),
    H.STRIPE_INCOMPLETE_EXPIRED: _stripe("incomplete_expired"),
    H.STRIPE_TRIALING: _stripe("trialing"),
    H.STRIPE_ACTIVE: _stripe("active"),
    H.STRIPE_PAST_DUE: _stripe("past_due"),
    H.STRIPE_UNPAID: _stripe("unpaid"),
    H.STRIPE_PAUSED: _stripe("paused"),
    H.STRIPE_CANCELED: _stripe("canceled"),
    H.STRIPE_DISCONNECTED: lambda s: decide_stripe_disconnected(s, AT),
    H.CANCELED_PAID: lambda s: decide_cancel(s, cancel(by="provider"), AT),
    H.CLOSED: lambda s: decide_stripe_closed(s, CLOSED, AT),
    H.CLOSING_OVERDUE: lambda s: decide_due(s, LATER, POLICY),
}
FREE: dict[Happening, tuple[Decide, dict[str, Any]]] = {
    H.RENEWED: (lambda s: decide_due(s, LATER, POLICY), {}),
    H.PERIOD_ENDED: (lambda s: decide_due(s, LATER, POLICY), {"cancel_at_period_end": True}),
    H.CANCELED_FREE: (lambda s: decide_cancel(s, cancel(), AT), {}),
}


def _reached(before: Any, happening: Happening) -> Subscription | None:
    if happening is H.WITHDRAWN_AFTER_CHECKOUT:
        return decide_cancel(subscription(before, checkout="paid"), cancel(), AT)
    if happening in FREE:
        decide, changes = FREE[happening]
        return decide(subscription(before, paid=False, **changes))
    confirmed = before in {"pending_payment", "incomplete"} and happening.value.startswith("Stripe: ")
    return HAPPENS[happening](subscription(before, checkout="paid" if confirmed else ""))


@pytest.mark.parametrize(("before", "happening"), [row for row in TABLE if row[0] is not None])
def test_every_row_is_reached(before: Any, happening: Happening) -> None:
    after = _reached(before, happening)
    expected = TABLE[before, happening]
    if (before, happening) == ("canceled", H.CLOSED):
        assert after is None  # nothing was open: the repeat of a close changes nothing
        return
    assert after is not None and after.status == expected
    assert (after.ended_at is not None) == (expected in {"canceled", "rejected", "incomplete_expired"})


def test_the_table_knows_every_status_and_happening() -> None:
    assert {status for status, _ in TABLE if status} | set(TABLE.values()) == set(ALL)
    assert {happening for _, happening in TABLE} == set(Happening)


@pytest.mark.parametrize("status", ALL)
@pytest.mark.parametrize("happening", list(Happening))
def test_what_has_no_row_does_nothing(status: Any, happening: Happening) -> None:
    after = step(subscription(status), happening, AT)
    assert (after is None) == ((status, happening) not in TABLE)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"api": api(lifecycle="deprecated")}, "api-not-published"),
        ({"api": api(lifecycle="blocked")}, "api-not-published"),
        ({"api": api(organization_id="org_2")}, "unknown-api"),
        ({"api": api(plan_ids=())}, "plan-not-enabled"),
        ({"plan": plan(status="inactive")}, "plan-inactive"),
        ({"plan": plan(organization_id="org_2")}, "unknown-plan"),
        ({"plan": None}, "unknown-plan"),
        ({"api": None}, "unknown-api"),
        ({"plan": plan(paid=True, plan_id="plan_free")}, "plan-changed"),
    ],
)
def test_a_request_is_refused_with_its_problem(changes: dict[str, Any], problem: str) -> None:
    seen = Seen(**({"api": api(), "plan": plan()} | changes))
    refusal = decide_request(request(), seen, [], AT)
    assert isinstance(refusal, Refusal) and refusal.problem == problem
    made = rejected(request(), refusal, seen, AT)
    assert made.status == "rejected" and made.problem == problem and made.ended_at == AT.business


@pytest.mark.parametrize("status", ALL)
def test_one_subscription_of_a_pair_at_a_time(status: Any) -> None:
    decision = decide_request(request(), Seen(api(), plan()), [subscription(status)], AT)
    taken = status in (*LIVE, "pending_payment")
    assert isinstance(decision, Refusal) is taken


def test_free_plan_begins_at_once_and_paid_waits() -> None:
    free = decide_request(request(), Seen(api(), plan()), [], At(NOON, NOON))
    paid = decide_request(request(paid=True), Seen(api(), plan(paid=True)), [], AT)
    assert isinstance(free, Subscription) and (free.status, free.current_period_end) == ("active", NEXT)
    assert isinstance(paid, Subscription) and (paid.status, paid.current_period_end) == ("pending_payment", None)


@pytest.mark.parametrize("order", ["checkout first", "Stripe first"])
def test_checkout_and_stripe_confirm_in_either_order(order: str) -> None:
    decisions: list[Decide] = [lambda s: decide_checkout_completed(s, PAID, AT), _stripe("active")]
    pending = subscription("pending_payment")
    half = (decisions if order == "checkout first" else decisions[::-1])[0](pending)
    assert half is not None and half.status == "pending_payment"
    whole = (decisions if order == "checkout first" else decisions[::-1])[1](half)
    assert whole is not None and (whole.status, whole.current_period_end) == ("active", NEXT)


def test_unpaid_checkout_waits_for_the_bank() -> None:
    unpaid = decide_checkout_completed(subscription("pending_payment"), UNPAID, AT)
    assert unpaid is not None
    waiting = decide_stripe_updated(unpaid, stripe_says("active"), AT)
    assert waiting is not None and waiting.status == "pending_payment"
    assert decide_due(waiting, At(NOON + timedelta(days=20), NOON), POLICY) is None
    paid = decide_checkout_completed(waiting, PAID, AT)
    assert paid is not None and paid.status == "active"
    given_up = decide_due(waiting, At(NOON + timedelta(days=22), NOON), POLICY)
    assert given_up is not None and given_up.status == "canceling"  # Stripe has one that lives


def test_older_states_of_stripe_change_nothing() -> None:
    newer = decide_stripe_updated(subscription(), stripe_says("past_due", observed=5), AT)
    assert newer is not None and newer.status == "past_due"
    assert decide_stripe_updated(newer, stripe_says("active", observed=5), AT) is None
    assert decide_stripe_updated(newer, stripe_says("active", observed=4), AT) is None


def test_canceled_and_canceling_are_never_revived() -> None:
    assert decide_stripe_updated(subscription("canceled"), stripe_says("active", observed=99), AT) is None
    canceling = decide_stripe_updated(subscription("canceling"), stripe_says("active", observed=99), AT)
    assert canceling is not None and canceling.status == "canceling"


def test_unverified_close_leaves_a_problem_that_a_later_one_clears() -> None:
    unverified = StripeSubscriptionClosed(subscription_id="s", ended_at=NOON, verified=False, reported_units=0)
    ended = decide_stripe_closed(subscription("canceling"), unverified, AT)
    assert ended is not None and (ended.status, ended.problem) == ("canceled", "billing-incomplete")
    cleared = decide_stripe_closed(ended, CLOSED, AT)
    assert cleared is not None and (cleared.status, cleared.problem) == ("canceled", None)
