"""Whatever happens between ledger and Stripe, Stripe counts each unit exactly once and never more than was counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from billing_sync.domain import ledger
from billing_sync.domain.records import Push

START = datetime(2026, 11, 24, 10, 0, 30, tzinfo=UTC)
END = START + timedelta(days=30)
TEMPLATE = Push("sub_1", START, 0, "", "org_1", "cus_1", "mtr_1", "event", 0, START, "pending")


class LedgerMachine(RuleBasedStateMachine):
    """A ledger that crashes anywhere, before a Stripe that forgets identifiers after a day."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START + timedelta(seconds=5)
        self.windows: dict[int, tuple[int, int]] = {}  # window -> (revision, units)
        self.rows: list[Push] = []
        self.stripe: list[tuple[str, int, datetime, datetime]] = []  # identifier, units, stamp, received

    # What metering does: totals grow, old revisions and duplicates arrive late.

    @rule(window=st.integers(0, 3), revision=st.integers(1, 6))
    def window_arrives(self, window: int, revision: int) -> None:
        known = self.windows.get(window, (0, 0))
        if revision > known[0]:
            self.windows[window] = (revision, revision * (window + 3))

    @rule(seconds=st.integers(1, 40_000))
    def time_passes(self, seconds: int) -> None:
        self.now = min(self.now + timedelta(seconds=seconds), END + timedelta(hours=1))

    # What billing-sync does: each step may be its last.

    @rule()
    def crash_before_sending(self) -> None:
        self._prepared()

    @rule()
    def crash_after_sending(self) -> None:
        push = self._prepared()
        if push is not None:
            self._send(push)

    @rule()
    def push(self) -> None:
        push = self._prepared()
        if push is None:
            return
        answer = self._send(push)
        if answer is not None:
            self._store(ledger.after_answer(push, answer))

    @invariant()
    def stripe_never_has_more_than_was_counted(self) -> None:
        assert self._at_stripe() <= self._counted()

    @invariant()
    def what_is_reported_is_at_stripe(self) -> None:
        identifiers = [identifier for identifier, *_ in self.stripe]
        assert len(identifiers) == len(set(identifiers))
        assert all(row.identifier in identifiers for row in self.rows if row.status == "sent")

    def teardown(self) -> None:
        for _ in range(50):
            self.push()
        assert self._at_stripe() == self._counted() == ledger.reported(self.rows)
        assert all(START < stamp < END for _, _, stamp, _ in self.stripe)

    def _counted(self) -> int:
        return sum(units for _, units in self.windows.values())

    def _at_stripe(self) -> int:
        return sum(units for _, units, _, _ in self.stripe)

    def _prepared(self) -> Push | None:
        """The unfinished row or a new one, with its try counted and stored before anything is sent."""
        unfinished = [row for row in self.rows if row.status == "pending"]
        if unfinished:
            push: Push | None = unfinished[0]
        else:
            push = ledger.next_push(TEMPLATE, self._counted(), self.rows, self.now, END)
        if push is None:
            return None
        tried = replace(
            push,
            attempts=push.attempts + 1,
            first_tried_at=push.first_tried_at or self.now,
            first_tried_real_at=push.first_tried_real_at or self.now,
        )
        self._store(tried)
        return tried

    def _send(self, push: Push) -> ledger.Answer | None:
        """Stripe's side, and the comparison that an old row needs first. None = the comparison finished the row."""
        if ledger.decide_repeat(push, self.now, self.now) == "compare":
            bounds = ledger.minute_range([push.stamped_at])
            assert bounds is not None
            inside = [units for _, units, stamp, _ in self.stripe if bounds[0] <= stamp < bounds[1]]
            told = sum(
                row.units for row in self.rows if row.status == "sent" and bounds[0] <= row.stamped_at < bounds[1]
            )
            decision = ledger.decide_comparison(push, told, sum(inside))
            assert decision != "unclear"
            if decision == "counted":
                self._store(replace(push, status="sent"))
                return None
            push = replace(push, first_tried_at=self.now, first_tried_real_at=self.now)
            self._store(push)
        day = timedelta(hours=24)
        if any(name == push.identifier and self.now - received < day for name, _, _, received in self.stripe):
            return "already_exists"
        self.stripe.append((push.identifier, push.units, push.stamped_at, self.now))
        return "accepted"

    def _store(self, push: Push) -> None:
        self.rows = [row for row in self.rows if row.identifier != push.identifier]
        self.rows.append(push)
        self.rows.sort(key=lambda row: row.push_number)


LedgerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLedgerLaws = LedgerMachine.TestCase
