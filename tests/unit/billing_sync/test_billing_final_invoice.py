from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing_sync.domain.final_invoice import (
    CORRECTION,
    decide_final,
    find_correction,
    find_final,
    invoiced_usage,
    stopped_invoices,
)
from billing_sync.domain.records import Period
from billing_sync.domain.stripe_facts import InvoiceFacts, LineFacts
from billing_sync.use_cases.close_subscription import cut_period
from billing_sync.use_cases.renew_period import ended_period

START = datetime(2026, 11, 24, 10, 0, 30, tzinfo=UTC)
DELETED = START + timedelta(days=5)


def line(amount: int, price: str | None = "price_u", start: datetime = START, end: datetime = DELETED) -> LineFacts:
    return LineFacts("x", 1, amount, start, end, price, None)


def invoice(name: str, *lines: LineFacts, at: datetime = DELETED, status: str = "draft") -> InvoiceFacts:
    return InvoiceFacts(
        name, status, "usd", 0, 0, 0, at, START, at, lines, False, "sub_s", "cus", None, "subscription_cycle",
        None, None, None, {},
    )  # fmt: skip


class TestFinding:
    def test_the_invoice_made_at_the_deletion(self) -> None:
        final = invoice("final", line(200))
        old = invoice("old", line(900, end=START), at=START)
        assert find_final([old, final], "sub_1", "price_u", START, DELETED) is final

    def test_a_renewal_as_young_as_the_deletion_is_not_it(self) -> None:
        deleted = START + timedelta(seconds=2)
        renewal = invoice("renewal", line(900, start=START - timedelta(days=30), end=START), at=START)
        assert find_final([renewal], "sub_1", "price_u", START, deleted) is None

    def test_nor_is_one_that_has_the_next_fee_too(self) -> None:
        """Flat + usage: the renewal's fee line is of the period that was cut."""
        deleted = START + timedelta(seconds=2)
        usage = line(900, start=START - timedelta(days=30), end=START)
        renewal = invoice("renewal", line(1000, "price_fee"), usage, at=START)
        assert find_final([renewal], "sub_1", "price_u", START, deleted) is None
        assert stopped_invoices([renewal], "sub_1", None) == [renewal]

    def test_nor_is_the_first_invoice_with_only_a_fee(self) -> None:
        first = invoice("first", line(1000, "price_fee"), at=START, status="paid")
        final = invoice("final", line(6), at=START + timedelta(seconds=2))
        assert find_final([first], "sub_1", "price_u", START, START + timedelta(seconds=2)) is None
        assert find_final([first, final], "sub_1", "price_u", START, START + timedelta(seconds=2)) is final

    def test_a_void_one_is_not_it(self) -> None:
        assert find_final([invoice("final", line(200), status="void")], "sub_1", "price_u", START, DELETED) is None

    def test_our_own_correction_is_found_apart(self) -> None:
        ours = replace(invoice("ours"), metadata={CORRECTION: "sub_1"})
        assert find_final([ours], "sub_1", "price_u", START, DELETED) is None
        assert find_correction([ours], "sub_1") is ours
        assert find_correction([ours], "sub_2") is None


class TestStopped:
    """What the deletion made Stripe leave lying about."""

    def test_drafts_and_open_invoices_of_earlier_periods_go_on(self) -> None:
        draft, opened = invoice("draft", line(9), at=START), invoice("open", line(9), at=START, status="open")
        assert stopped_invoices([draft, opened], "sub_1", None) == [draft, opened]

    def test_a_flat_plans_renewal_goes_on(self) -> None:
        """Its fee is for the period that was cut: it was owed from that period's first second."""
        renewal = invoice("renewal", line(900, "price_fee"), at=START)
        assert stopped_invoices([renewal], "sub_1", None) == [renewal]

    def test_what_is_final_or_ours_or_going_on_is_left_alone(self) -> None:
        final, paid = invoice("final", line(5)), invoice("paid", line(5), status="paid")
        ours = replace(invoice("ours"), metadata={CORRECTION: "sub_1"})
        going_on = replace(invoice("on", line(5)), auto_advance=True)
        assert stopped_invoices([final, paid, ours, going_on], "sub_1", final) == []


@pytest.mark.parametrize(
    ("status", "invoiced", "expected", "action", "difference"),
    [
        ("draft", 200, 200, "finalize", 0),
        ("draft", 150, 200, "add_item", 50),
        ("draft", 250, 200, "add_item", -50),
        ("open", 200, 200, "nothing", 0),
        ("paid", 150, 200, "standalone", 50),
        ("paid", 250, 200, "alarm", -50),
    ],
)
def test_what_makes_a_final_invoice_right(
    status: str, invoiced: int, expected: int, action: str, difference: int
) -> None:
    verdict = decide_final(invoice("final", status=status), invoiced, expected)
    assert (verdict.action, verdict.difference_minor) == (action, difference)


def test_no_final_invoice() -> None:
    assert decide_final(None, 0, 200).action == "standalone"
    assert decide_final(None, 0, 0).action == "nothing"
    assert decide_final(None, 200, 200).action == "nothing"  # an earlier try's correction covers it


def test_only_the_usage_and_our_correction_count() -> None:
    facts = invoice("final", line(200), line(900, "price_fee"), replace(line(7, None), description="c"))
    assert invoiced_usage(facts, "price_u", "c") == 207


class TestPeriods:
    periods = [Period("s", START, DELETED), Period("s", DELETED, DELETED + timedelta(days=30))]

    def test_a_cancellation_cuts_the_period_of_its_instant(self) -> None:
        assert cut_period(self.periods, DELETED - timedelta(seconds=1)) == self.periods[0]
        assert cut_period(self.periods, DELETED) == self.periods[1]
        assert cut_period([], DELETED) is None

    def test_a_draft_bills_the_period_that_ended(self) -> None:
        assert ended_period(invoice("renewal", line(1)), self.periods) == self.periods[0]

    def test_a_closed_period_is_not_billed_again(self) -> None:
        closed = [replace(self.periods[0], closed=True), self.periods[1]]
        assert ended_period(invoice("renewal", line(1)), closed) is None
