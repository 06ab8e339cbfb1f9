"""CSV for people who count: exact amounts, and nothing that a spreadsheet would run."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal_api.billing.use_cases.exporting import invoices_csv
from shared.events.billing import InvoiceLine, InvoiceUpdated

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def invoice(description: str, amount: int = 200, currency: str = "usd") -> InvoiceUpdated:
    line = InvoiceLine(
        description=description, quantity=100, amount_minor=amount, period_start=NOW, period_end=NOW,
        unit_amount_decimal=Decimal(2),
    )  # fmt: skip
    return InvoiceUpdated(
        invoice_id="in_1", organization_id="org_1", developer_id="user_1", subscription_id="sub_1", observed=1,
        status="paid", currency=currency, total_minor=amount, amount_due_minor=amount, amount_paid_minor=amount,
        created_at=NOW, period_start=NOW, period_end=NOW, lines=(line,), number="A-1",
    )  # fmt: skip


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_amounts_are_in_major_units_by_the_currencys_digits() -> None:
    found = rows(invoices_csv([invoice("Calls", -150), invoice("Calls", 200, "jpy"), invoice("Calls", 1234, "kwd")]))
    assert [row["amount"] for row in found] == ["-1.50", "200", "1.234"]
    assert found[0]["unit_amount"] == "0.02"


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "@x", "-1+2", "\tx"])
def test_no_name_becomes_a_formula(name: str) -> None:
    assert rows(invoices_csv([invoice(name)]))[0]["line"] == f"'{name}"
