from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing_sync.domain import ledger
from billing_sync.domain.records import Push

START = datetime(2026, 11, 24, 10, 0, 30, tzinfo=UTC)
END = datetime(2026, 12, 24, 10, 0, 30, tzinfo=UTC)
TEMPLATE = Push("sub_1", START, 0, "", "org_1", "cus_1", "mtr_1", "event", 0, START, "pending")


def row(number: int, units: int, status: str = "sent") -> Push:
    return replace(TEMPLATE, push_number=number, units=units, status=status)


class TestStamp:
    def test_is_now_cut_to_the_second(self) -> None:
        now = datetime(2026, 11, 25, 8, 1, 2, 999_999, tzinfo=UTC)
        assert ledger.stamp(now, START, END) == datetime(2026, 11, 25, 8, 1, 2, tzinfo=UTC)

    def test_after_the_period_is_its_last_second(self) -> None:
        assert ledger.stamp(END + timedelta(hours=1), START, END) == END - timedelta(seconds=1)

    def test_never_on_a_full_minute(self) -> None:
        now = datetime(2026, 11, 25, 8, 1, tzinfo=UTC)
        assert ledger.stamp(now, START, END) == now - timedelta(seconds=1)

    def test_a_period_that_ends_one_second_after_a_minute_is_stamped_before_the_minute(self) -> None:
        end = datetime(2026, 12, 24, 10, 0, 1, tzinfo=UTC)
        assert ledger.stamp(end, START, end) == end - timedelta(seconds=2)

    @pytest.mark.parametrize("after_start_us", [0, 1, 999_999])
    def test_not_in_the_first_second_of_a_period(self, after_start_us: int) -> None:
        assert ledger.stamp(START + timedelta(microseconds=after_start_us), START, END) is None


class TestNextPush:
    def test_tells_what_is_not_told(self) -> None:
        now = START + timedelta(minutes=5)
        push = ledger.next_push(TEMPLATE, 100, [row(1, 30), row(2, 20, "confirmed")], now, END)
        assert push is not None
        assert (push.units, push.push_number, push.status) == (50, 3, "pending")
        assert push.identifier == f"sub_1:mtr_1:{int(START.timestamp())}:3"

    def test_refused_units_are_not_sent_again_under_another_number(self) -> None:
        assert ledger.next_push(TEMPLATE, 30, [row(1, 30, "refused")], END, END) is None

    def test_never_beside_an_unfinished_push(self) -> None:
        with pytest.raises(ledger.LedgerBroken):
            ledger.next_push(TEMPLATE, 31, [row(1, 30, "pending")], END, END)

    def test_nothing_for_a_total_that_fell(self) -> None:
        assert ledger.next_push(TEMPLATE, 20, [row(1, 30)], END, END) is None

    def test_an_identifier_stripe_would_refuse_stops_it(self) -> None:
        with pytest.raises(ledger.LedgerBroken):
            ledger.identifier("s" * 60, "m" * 40, START, 1)


class TestRepeats:
    tried = replace(TEMPLATE, attempts=2, first_tried_at=START, first_tried_real_at=START, identifier="i", units=5)

    def test_within_a_day_it_is_sent_again(self) -> None:
        later = START + timedelta(hours=22)
        assert ledger.decide_repeat(self.tried, later, later) == "send"

    @pytest.mark.parametrize(("business", "real"), [(25, 1), (1, 25)])
    def test_after_a_day_on_either_clock_stripe_is_asked_first(self, business: int, real: int) -> None:
        at = (START + timedelta(hours=business), START + timedelta(hours=real))
        assert ledger.decide_repeat(self.tried, *at) == "compare"

    def test_comparison(self) -> None:
        decide = ledger.decide_comparison
        assert [decide(self.tried, 10, summary) for summary in (10, 15, 12)] == ["absent", "counted", "unclear"]

    def test_already_exists_is_success_on_a_repeat(self) -> None:
        assert ledger.after_answer(self.tried, "already_exists").status == "sent"

    def test_already_exists_on_a_first_try_is_an_alarm(self) -> None:
        refused = ledger.after_answer(replace(self.tried, attempts=1), "already_exists")
        assert refused.status == "refused"
        assert refused.reason

    def test_a_finished_row_takes_no_answer(self) -> None:
        with pytest.raises(ledger.LedgerBroken):
            ledger.after_answer(row(1, 5), "accepted")


class TestRestamp:
    def test_a_young_row_keeps_its_stamp(self) -> None:
        push = replace(TEMPLATE, stamped_at=START)
        assert ledger.restamp(push, START + timedelta(days=33), END) is push

    def test_an_old_row_of_a_yearly_period_moves_inside_it(self) -> None:
        now = START + timedelta(days=100, seconds=5)
        push = ledger.restamp(replace(TEMPLATE, stamped_at=START), now, START + timedelta(days=365))
        assert push is not None
        assert push.stamped_at == now

    def test_an_old_row_of_an_ended_month_is_late(self) -> None:
        assert ledger.restamp(replace(TEMPLATE, stamped_at=START), END + timedelta(days=60), END) is None


def test_a_summary_is_asked_over_whole_minutes_that_hold_every_stamp() -> None:
    stamps = [START, START + timedelta(minutes=3)]
    assert ledger.minute_range(stamps) == (START.replace(second=0), START.replace(second=0) + timedelta(minutes=4))
    assert ledger.minute_range([]) is None
