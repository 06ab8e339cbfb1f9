"""What the routes of billing take and answer."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from portal_api.billing.domain.portal_session import PortalSession
from portal_api.billing.domain.stripe_keys import StripeConnection
from portal_api.billing.domain.subscription import Checkout
from portal_api.billing.use_cases.payment_grace import MAX_GRACE_DAYS
from portal_api.billing.use_cases.usage_summary import NamedSubscription
from portal_api.http.money_text import money
from shared.events.billing import InvoiceUpdated
from shared.money import plain


class SubscriptionCreate(BaseModel):
    """Which plan of which API; where Checkout returns to is the portal's own page unless stated."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"api_id": "api_01KB3...", "plan_id": "plan_01KB3..."}}
    )

    api_id: str = Field(min_length=1, max_length=64)
    plan_id: str = Field(min_length=1, max_length=64)
    success_url: AnyHttpUrl | None = None
    cancel_url: AnyHttpUrl | None = None


class CancelRequest(BaseModel):
    """`now`: access ends at once and the usage so far is billed. `period_end`: it runs until what is paid ends."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"when": "now"}})

    when: Literal["now", "period_end"] = "now"


class PortalOpen(BaseModel):
    """Where the billing portal's way back leads; the developer portal, unless stated."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"return_url": "https://example.com/me"}})

    return_url: AnyHttpUrl | None = None


class PortalSessionView(BaseModel):
    """Stripe's billing portal for one subscription: pay, change the card, read invoices, cancel at the period's end."""

    id: str = Field(examples=["bp_01KB3Z4N5Q8RS9T0V1W2X3Y4Z5"])
    subscription_id: str
    status: Literal["pending", "opened", "refused"]
    url: str | None = Field(description="Lets in whoever has it, for about an hour: do not store or pass it on.")
    problem: str | None
    problem_detail: str | None

    @classmethod
    def of(cls, session: PortalSession) -> "PortalSessionView":
        """From the domain."""
        return cls(
            id=session.id,
            subscription_id=session.subscription_id,
            status=session.status,
            url=session.url,
            problem=session.problem,
            problem_detail=session.problem_detail,
        )


class PaymentGrace(BaseModel):
    """How many days subscribers keep access while a payment is overdue. 0: it ends with the failed payment."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"grace_days": 3}})

    grace_days: int = Field(ge=0, le=MAX_GRACE_DAYS)


class PaymentGraceView(BaseModel):
    """What was set."""

    grace_days: int | None = Field(description="null: nothing was set, and the operator's default holds (3 days).")


class NameView(BaseModel):
    """A thing by id and name; the name is null where the thing is gone."""

    id: str
    name: str | None


class SubscriptionView(BaseModel):
    """A subscription. `pending`: asked for, not answered yet."""

    id: str = Field(examples=["sub_01KB3Z4N5Q8RS9T0V1W2X3Y4Z5"])
    status: str = Field(
        description="pending, pending_payment, rejected, incomplete, incomplete_expired, trialing, active, past_due,"
        " unpaid, paused, canceling or canceled"
    )
    api: NameView
    plan: NameView
    application: NameView
    plan_version_number: int
    paid: bool
    checkout_url: str | None = Field(description="Where to pay, while payment is awaited.")
    checkout_status: str | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    grace_until: datetime | None = Field(description="Past due: when access ends unless the debt is paid.")
    problem: str | None = Field(description="A problem type's name: why it was rejected, refused or ended.")
    problem_detail: str | None

    @classmethod
    def of(cls, named: NamedSubscription, checkout: Checkout | None) -> "SubscriptionView":
        """From the domain."""
        row = named.subscription
        refused = checkout is not None and checkout.status == "refused" and row.status == "pending_payment"
        payable = checkout is not None and checkout.status == "opened" and row.status == "pending_payment"
        return cls(
            id=row.id,
            status=row.status,
            api=NameView(id=row.api_id, name=named.api.display_name if named.api else None),
            plan=NameView(id=row.plan_id, name=named.plan.name if named.plan else None),
            application=NameView(id=row.application_id, name=named.application_name),
            plan_version_number=row.plan_version_number,
            paid=row.paid,
            checkout_url=checkout.url if checkout and payable else None,
            checkout_status=checkout.status if checkout else None,
            current_period_start=row.current_period_start,
            current_period_end=row.current_period_end,
            cancel_at_period_end=row.cancel_at_period_end,
            cancel_at=row.cancel_at,
            created_at=row.created_at,
            ended_at=row.ended_at,
            ended_by=row.ended_by,
            grace_until=row.grace_until,
            problem=checkout.problem if checkout and refused else row.problem,
            problem_detail=checkout.problem_detail if checkout and refused else row.problem_detail,
        )


class StripeKeys(BaseModel):
    """From Stripe's Dashboard. The secret key is sealed at once; nobody at the portal can read it again."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"secret_key": "sk_test_...", "publishable_key": "pk_test_..."}}
    )

    secret_key: SecretStr = Field(max_length=300)
    publishable_key: str = Field(max_length=300)


class StripeConnectionView(BaseModel):
    """What became of the keys entered last. `connected` is true while working keys are there, older ones included."""

    status: Literal["pending", "refused", "connected", "disconnected"]
    connected: bool
    account_id: str | None
    mode: Literal["live", "test"] | None
    charges_enabled: bool | None = Field(description="null: not known (a restricted key).")
    publishable_key: str | None
    checks: list[dict[str, Any]]
    problem: str | None
    problem_detail: str | None

    @classmethod
    def of(cls, connection: StripeConnection) -> "StripeConnectionView":
        """From the domain."""
        mode: Literal["live", "test"] | None = None
        if connection.livemode is not None:
            mode = "live" if connection.livemode else "test"
        return cls(
            status=connection.status,
            connected=connection.connected,
            account_id=connection.account_id,
            mode=mode,
            charges_enabled=connection.charges_enabled,
            publishable_key=connection.publishable_key,
            checks=list(connection.checks),
            problem=connection.problem,
            problem_detail=connection.problem_detail,
        )


class InvoiceLineView(BaseModel):
    """One line."""

    description: str
    quantity: int
    unit_amount_decimal: str | None
    amount_minor: int
    period_start: datetime
    period_end: datetime


class InvoiceView(BaseModel):
    """An invoice as it is at Stripe."""

    id: str = Field(examples=["in_1Q..."])
    number: str | None
    subscription_id: str | None
    status: Literal["draft", "open", "paid", "uncollectible", "void"]
    currency: str
    total_minor: int
    total_formatted: str
    amount_due_minor: int
    amount_paid_minor: int
    created_at: datetime
    period_start: datetime
    period_end: datetime
    paid_at: datetime | None
    billing_reason: str | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    lines: list[InvoiceLineView]

    @classmethod
    def of(cls, invoice: InvoiceUpdated) -> "InvoiceView":
        """From the mirrored invoice."""
        lines = [
            InvoiceLineView(
                description=line.description,
                quantity=line.quantity,
                unit_amount_decimal=None if line.unit_amount_decimal is None else plain(line.unit_amount_decimal),
                amount_minor=line.amount_minor,
                period_start=line.period_start,
                period_end=line.period_end,
            )
            for line in invoice.lines
        ]
        return cls(
            id=invoice.invoice_id,
            number=invoice.number,
            subscription_id=invoice.subscription_id,
            status=invoice.status,
            currency=invoice.currency,
            total_minor=invoice.total_minor,
            total_formatted=money(invoice.total_minor, invoice.currency),
            amount_due_minor=invoice.amount_due_minor,
            amount_paid_minor=invoice.amount_paid_minor,
            created_at=invoice.created_at,
            period_start=invoice.period_start,
            period_end=invoice.period_end,
            paid_at=invoice.paid_at,
            billing_reason=invoice.billing_reason,
            hosted_invoice_url=invoice.hosted_invoice_url,
            invoice_pdf=invoice.invoice_pdf,
            lines=lines,
        )
