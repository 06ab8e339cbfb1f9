"""Scheduled ends, graces, renewals, and the access entry that follows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.subscription_builders import NEXT, NOON, cancel, plan, stripe_says, subscription

from subscriptions.domain.access_entry import derive_entry, is_admitting
from subscriptions.domain.billing import decide_stripe_updated, with_grace
from subscriptions.domain.deadlines import decide_due, due
from subscriptions.domain.diagram import redraw
from subscriptions.domain.ending import decide_cancel, decide_resume
from subscriptions.domain.lifecycle import ALL
from subscriptions.domain.periods import next_period_end
from subscriptions.domain.plan_terms import PlanTerms, terms_of
from subscriptions.domain.policy import Policy
from subscriptions.domain.subscription import At, Subscription

AT = At(business=NOON + timedelta(hours=1), real=NOON + timedelta(hours=1))
POLICY = Policy()


def _terms(of: Subscription) -> PlanTerms | None:
    return terms_of(plan(paid=of.paid), of.plan_version_number)


def _access(*subscriptions: Subscription) -> Any:
    entry = derive_entry("app_1", "api_1", subscriptions, _terms, 1)
    assert entry.sandbox == entry.production
    return entry.production


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("pending_payment", "payment-pending"),
        ("incomplete", "payment-pending"),
        ("trialing", ""),
        ("active", ""),
        ("past_due", ""),
        ("unpaid", "payment-overdue"),
        ("paused", "subscription-paused"),
        ("canceling", "subscription-ended"),
        ("canceled", "subscription-ended"),
        ("rejected", "no-subscription"),
        ("incomplete_expired", "no-subscription"),
    ],
)
def test_access_of_each_status(status: Any, reason: str) -> None:
    access = _access(subscription(status))
    assert (access.allowed, access.reason) == (reason == "", reason)


def test_every_status_has_its_access() -> None:
    assert all(_access(subscription(status)).reason or status in {"active", "trialing", "past_due"} for status in ALL)


def test_no_subscription_at_all() -> None:
    assert _access().reason == "no-subscription"


def test_the_best_of_several_decides() -> None:
    old, new = subscription("canceled", number=1), subscription("active", number=2)
    assert _access(new, old).allowed and _access(old, new).subscription_number == 2
    assert _access(old, subscription("rejected", number=3)).reason == "subscription-ended"
    assert _access(subscription("canceled", number=9), subscription("pending_payment")).reason == "payment-pending"


def test_the_providers_grace_holds_for_the_debt_that_begins_under_it() -> None:
    at = At(NOON, NOON)
    before = subscription("active")
    overdue = with_grace(
        before, decide_stripe_updated(before, stripe_says("past_due"), at) or before, timedelta(days=7)
    )
    assert overdue.grace_until == NOON + timedelta(days=7)
    assert due(overdue, POLICY).business == NOON + timedelta(days=7)
    # Another news of the same debt, after the provider has changed its mind: nothing changes.
    again = decide_stripe_updated(overdue, stripe_says("past_due", 2, cancel_at_period_end=True), at)
    assert again is not None
    assert with_grace(overdue, again, timedelta(0)).grace_until == NOON + timedelta(days=7)
    over = decide_due(overdue, At(NOON + timedelta(days=7), NOON), POLICY)
    assert over is not None
    assert not is_admitting(over)
    paid = decide_stripe_updated(over, stripe_says("active", 3), at)
    assert paid is not None
    assert (paid.grace_until, is_admitting(paid)) == (None, True)


def test_no_grace_at_all_ends_access_with_the_failed_payment() -> None:
    before = subscription("active")
    at = At(NOON, NOON)
    overdue = with_grace(before, decide_stripe_updated(before, stripe_says("past_due"), at) or before, timedelta(0))
    over = decide_due(overdue, at, POLICY)
    assert over is not None
    assert not is_admitting(over)


def test_past_due_keeps_access_during_the_grace() -> None:
    overdue = subscription("past_due")
    grace_end = NOON + POLICY.past_due_grace
    assert due(overdue, POLICY).business == grace_end
    assert decide_due(overdue, At(grace_end - timedelta(microseconds=1), NOON), POLICY) is None
    after = decide_due(overdue, At(grace_end, NOON), POLICY)
    assert after is not None and _access(after).reason == "payment-overdue"
    paid = decide_stripe_updated(after, stripe_says("active"), AT)
    assert paid is not None and _access(paid).allowed


def test_cancel_at_period_end_is_a_wish_until_stripe_confirms() -> None:
    wished = decide_cancel(subscription(), cancel(when="period_end"), AT)
    assert wished is not None and wished.cancel_at_period_end
    assert _access(wished).valid_until == NEXT
    older = decide_stripe_updated(wished, stripe_says("active", observed=1), AT)
    assert older is not None and older.cancel_at_period_end and older.cancel_wish
    confirmed = decide_stripe_updated(older, stripe_says("active", observed=2, cancel_at_period_end=True), AT)
    assert confirmed is not None and confirmed.cancel_wish is None
    in_portal = decide_stripe_updated(confirmed, stripe_says("active", observed=3), AT)
    assert in_portal is not None and not in_portal.cancel_at_period_end and _access(in_portal).valid_until is None


def test_resume_takes_a_scheduled_end_back() -> None:
    scheduled = subscription(cancel_at_period_end=True, cancel_at=NEXT)
    resumed = decide_resume(scheduled)
    assert resumed is not None and resumed.scheduled_end is None and resumed.cancel_wish is False
    stale = decide_stripe_updated(resumed, stripe_says("active", cancel_at_period_end=True), AT)
    assert stale is not None and stale.scheduled_end is None
    assert decide_resume(subscription()) is None
    assert decide_resume(subscription("canceled", cancel_at_period_end=True)) is None


def test_free_plan_ends_at_its_period_end_exactly() -> None:
    scheduled = decide_cancel(subscription(paid=False), cancel(when="period_end"), AT)
    assert scheduled is not None and scheduled.status == "active" and _access(scheduled).valid_until == NEXT
    ended = decide_due(scheduled, At(NEXT + timedelta(seconds=2), NOON), POLICY)
    assert ended is not None and (ended.status, ended.ended_at, ended.access_ended_at) == ("canceled", NEXT, NEXT)


def test_a_leap_of_the_clock_renews_period_by_period() -> None:
    at = At(NOON + timedelta(days=100), NOON)
    present: Subscription | None = subscription(paid=False)
    starts = []
    while present is not None:
        last = present
        starts.append(present.current_period_start)
        present = decide_due(present, at, POLICY)
    assert [start.day for start in starts if start] == [31, 28, 31, 30]
    assert last.current_period_end is not None and last.current_period_end > at.business


def test_deleted_application_ends_now_whatever_was_asked() -> None:
    ended = decide_cancel(subscription(), cancel(when="period_end", by="application_deleted"), AT)
    assert ended is not None and (ended.status, ended.access_ended_at) == ("canceling", AT.business)


def test_canceling_is_bounded_in_real_time_only() -> None:
    canceling = subscription("canceling")
    assert decide_due(canceling, At(NOON + timedelta(days=60), NOON + timedelta(hours=23)), POLICY) is None
    given_up = decide_due(canceling, At(NOON, NOON + timedelta(hours=24)), POLICY)
    assert given_up is not None and (given_up.status, given_up.problem) == ("canceled", "billing-incomplete")


@pytest.mark.parametrize(("interval", "days"), [("day", 1), ("week", 7), ("month", 31), ("year", 365)])
def test_period_lengths(interval: Any, days: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_period_end(start, interval, start) == start + timedelta(days=days)


def test_the_committed_diagram_is_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs/flows/subscription.md").read_text()
    assert redraw(page) == page, "run: python -m subscriptions.domain.diagram docs/flows/subscription.md"
