"""Whatever happens in whatever order: the lifecycle never leaves its table, and access follows it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.subscription_builders import NOON, api, cancel, plan, request, stripe_says

from shared.events.billing import CheckoutCompleted, CheckoutRefused, StripeSubscriptionClosed
from shared.events.subscriptions import AccessEntryState
from subscriptions.domain.access_entry import derive_entry
from subscriptions.domain.billing import (
    decide_checkout_completed,
    decide_checkout_expired,
    decide_checkout_refused,
    decide_stripe_closed,
    decide_stripe_updated,
)
from subscriptions.domain.deadlines import decide_due, due, is_due
from subscriptions.domain.ending import decide_api_retired, decide_cancel, decide_resume, decide_stripe_disconnected
from subscriptions.domain.lifecycle import ADMITTING, ALL, TABLE
from subscriptions.domain.plan_terms import PlanTerms, terms_of
from subscriptions.domain.policy import Policy
from subscriptions.domain.requesting import Seen, decide_request
from subscriptions.domain.state import state_of
from subscriptions.domain.subscription import At, Subscription

STEPS = {(before, after) for before, after in ((status, TABLE[status, h]) for status, h in TABLE)}
STRIPE = st.sampled_from(
    ["incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "canceled", "paused"]
)


class Lifecycle(RuleBasedStateMachine):
    """One subscription, treated as the use cases treat it: keep what was decided, derive the entry."""

    @initialize(paid=st.booleans())
    def ask(self, paid: bool) -> None:
        self.policy = Policy()
        self.at = At(NOON, NOON)
        self.observed = 0
        self.plan = plan(paid=paid)
        made = decide_request(request(paid=paid), Seen(api(), self.plan), [], self.at)
        assert isinstance(made, Subscription)
        self.now = replace(made, number=1)
        self.entries: list[AccessEntryState] = []
        self.lost_for_ever = False
        self._derive()

    def _terms(self, subscription: Subscription) -> PlanTerms | None:
        return terms_of(self.plan, subscription.plan_version_number)

    def _derive(self) -> None:
        version = self.entries[-1].version if self.entries else 0
        entry = derive_entry("app_1", "api_1", [self.now], self._terms, version)
        if not self.entries or entry != self.entries[-1]:
            self.entries.append(derive_entry("app_1", "api_1", [self.now], self._terms, version + 1))

    def _keep(self, after: Subscription | None) -> None:
        if after is None:
            return
        before = self.now
        assert after.status == before.status or (before.status, after.status) in STEPS
        assert (after.number, after.subscription_id, after.created_at) == (
            before.number,
            before.subscription_id,
            before.created_at,
        )
        if state_of(after) != state_of(before):
            after = replace(after, version=before.version + 1)
        self.now = after
        self.lost_for_ever |= after.status in {"canceling", "canceled", "rejected", "incomplete_expired"}
        self._derive()

    @rule(when=st.sampled_from(["now", "period_end"]), by=st.sampled_from(["developer", "provider"]))
    def cancel(self, when: Literal["now", "period_end"], by: str) -> None:
        self._keep(decide_cancel(self.now, cancel(when=when, by=by), self.at))

    @rule()
    def delete_application(self) -> None:
        self._keep(decide_cancel(self.now, cancel(when="period_end", by="application_deleted"), self.at))
        assert not self.entries[-1].production.allowed

    @rule()
    def resume(self) -> None:
        self._keep(decide_resume(self.now))

    @rule()
    def retire_api(self) -> None:
        self._keep(decide_api_retired(self.now, self.at))
        assert not self.entries[-1].production.allowed

    @precondition(lambda self: self.now.paid)
    @rule(outcome=st.sampled_from(["paid", "unpaid", "no_payment_required"]))
    def complete_checkout(self, outcome: Any) -> None:
        event = CheckoutCompleted(subscription_id="sub_1", session_id="cs", payment_status=outcome)
        self._keep(decide_checkout_completed(self.now, event, self.at))

    @precondition(lambda self: self.now.paid)
    @rule()
    def expire_checkout(self) -> None:
        self._keep(decide_checkout_expired(self.now, self.at))

    @precondition(lambda self: self.now.paid)
    @rule()
    def refuse_checkout(self) -> None:
        event = CheckoutRefused(subscription_id="sub_1", problem="charges-disabled", detail="Enable charges.")
        self._keep(decide_checkout_refused(self.now, event, self.at))

    @precondition(lambda self: self.now.paid)
    @rule(status=STRIPE, ahead=st.integers(-3, 3), ends=st.booleans())
    def hear_stripe(self, status: str, ahead: int, ends: bool) -> None:
        observed = max(1, self.observed + ahead)
        before = self.now
        after = decide_stripe_updated(before, stripe_says(status, observed, cancel_at_period_end=ends), self.at)
        assert after is None or observed > before.observed
        self.observed = max(self.observed, observed)
        self._keep(after)

    @precondition(lambda self: self.now.paid)
    @rule(verified=st.booleans())
    def close(self, verified: bool) -> None:
        event = StripeSubscriptionClosed(
            subscription_id="sub_1", ended_at=self.at.business, verified=verified, reported_units=0
        )
        self._keep(decide_stripe_closed(self.now, event, self.at))

    @precondition(lambda self: self.now.paid)
    @rule()
    def disconnect_stripe(self) -> None:
        self._keep(decide_stripe_disconnected(self.now, self.at))
        assert not self.entries[-1].production.allowed

    @rule(hours=st.integers(1, 24 * 40))
    def let_time_pass(self, hours: int) -> None:
        self.at = At(self.at.business + timedelta(hours=hours), self.at.real + timedelta(hours=hours))
        for _ in range(100):
            before = self.now
            self._keep(decide_due(before, self.at, self.policy))
            if self.now == before:
                break
        # A timer that leaves something due behind would spin for ever.
        assert not is_due(self.now, self.at, self.policy)

    @invariant()
    def is_in_the_table(self) -> None:
        assert self.now.status in ALL

    @invariant()
    def access_only_in_admitting_statuses(self) -> None:
        allowed = self.entries[-1].production.allowed
        assert not allowed or self.now.status in ADMITTING
        assert allowed or self.now.status not in {"active", "trialing"}

    @invariant()
    def what_ended_never_comes_back(self) -> None:
        assert not (self.lost_for_ever and self.entries[-1].production.allowed)

    @invariant()
    def versions_only_grow(self) -> None:
        versions = [entry.version for entry in self.entries]
        assert versions == sorted(set(versions))

    @invariant()
    def nothing_waits_without_a_bound(self) -> None:
        when = due(self.now, self.policy)
        bounded = when.business is not None or when.real is not None
        assert bounded or self.now.status not in {"pending_payment", "incomplete", "canceling"}


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
