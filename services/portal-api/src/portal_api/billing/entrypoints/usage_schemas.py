"""What the routes of usage and estimates answer."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from portal_api.billing.domain.explanation import ExplainedLine, Explanation
from portal_api.billing.domain.usage_history import Tally
from portal_api.billing.entrypoints.schemas import NameView
from portal_api.billing.use_cases.explaining import line_reason, line_text, line_title, rule_text
from portal_api.billing.use_cases.plan_estimates import PlanEstimate, PlanEstimates
from portal_api.billing.use_cases.usage_history import UsageHistory
from portal_api.billing.use_cases.usage_summary import SubscriptionUsage, UsageSummary
from portal_api.http.money_text import money
from shared.events.catalog import PricingModel
from shared.money import plain


class MoneyView(BaseModel):
    """An amount in minor units, and for people."""

    currency: str = Field(examples=["usd"])
    amount_minor: int = Field(examples=[200])
    formatted: str = Field(examples=["$2.00"])

    @classmethod
    def of(cls, amount_minor: int, currency: str) -> "MoneyView":
        """From minor units."""
        return cls(currency=currency, amount_minor=amount_minor, formatted=money(amount_minor, currency))


class RatedLineView(BaseModel):
    """One line of the arithmetic: quantity × unit amount + flat amount. Decimals are exact minor units."""

    kind: Literal["fee", "included", "units", "packages", "tier"]
    description: str = Field(examples=["Tier 1 (1 to 1,000)"])
    tier: int | None
    first_unit: int | None = Field(description="Where the range that this price holds for begins.")
    last_unit: int | None = Field(description="Where it ends; null: nowhere.")
    quantity: int
    unit_amount_decimal: str
    flat_amount_decimal: str
    amount_decimal: str
    amount_minor: int = Field(description="As invoiced: rounded half up.")
    text: str = Field(examples=["100 × $0.02 = $2.00"])
    reason: str = Field(description="Why the line is there.")

    @classmethod
    def of(cls, line: ExplainedLine, explanation: Explanation) -> "RatedLineView":
        """From the domain."""
        return cls(
            kind=line.kind,
            description=line_title(line, explanation),
            tier=line.tier,
            first_unit=line.first_unit,
            last_unit=line.last_unit,
            quantity=line.quantity,
            unit_amount_decimal=plain(line.unit_amount),
            flat_amount_decimal=plain(line.flat_amount),
            amount_decimal=plain(line.amount),
            amount_minor=line.amount_minor,
            text=line_text(line, explanation.version.currency),
            reason=line_reason(line, explanation),
        )


class SubscriptionUsageView(BaseModel):
    """One subscription's present period."""

    subscription_id: str
    status: str
    plan: NameView
    api: NameView
    application: NameView
    period_start: datetime
    period_end: datetime
    calls: int
    calls_not_billed: int
    units: int
    lines: list[RatedLineView]
    estimated_amount: MoneyView
    forecast_units: int | None = Field(description="Of the whole period at the pace so far; null: too early to say.")
    forecast_amount: MoneyView | None
    last_call_at: datetime | None = Field(description="To the minute.")

    @classmethod
    def of(cls, usage: SubscriptionUsage) -> "SubscriptionUsageView | None":
        """From the domain; None without a period."""
        named, estimate, expected = usage.named, usage.estimate, usage.forecast
        row = named.subscription
        if row.current_period_start is None or row.current_period_end is None:
            return None
        return cls(
            subscription_id=row.id,
            status=row.status,
            plan=NameView(id=row.plan_id, name=named.plan.name if named.plan else None),
            api=NameView(id=row.api_id, name=named.api.display_name if named.api else None),
            application=NameView(id=row.application_id, name=named.application_name),
            period_start=row.current_period_start,
            period_end=row.current_period_end,
            calls=estimate.calls,
            calls_not_billed=estimate.calls_not_billed,
            units=estimate.units,
            lines=[RatedLineView.of(line, one) for one in estimate.explanations for line in one.lines],
            estimated_amount=MoneyView.of(estimate.amount_minor, estimate.currency),
            forecast_units=expected.units if expected else None,
            forecast_amount=MoneyView.of(expected.amount_minor, estimate.currency) if expected else None,
            last_call_at=usage.last_call_at,
        )


class UsageSummaryView(BaseModel):
    """The Usage Summary tab, for the present period of each subscription."""

    total_billed_api_calls: int
    active_subscriptions: int
    estimated_cost: list[MoneyView]
    as_of: datetime = Field(description="Business time.")
    complete_until: datetime | None = Field(description="Every call before is in these numbers.")
    subscriptions: list[SubscriptionUsageView]

    @classmethod
    def of(cls, summary: UsageSummary) -> "UsageSummaryView":
        """From the domain; one sum per currency, because currencies do not add up."""
        amounts: dict[str, int] = {}
        for usage in summary.usage:
            currency = usage.estimate.currency
            amounts[currency] = amounts.get(currency, 0) + usage.estimate.amount_minor
        views = [SubscriptionUsageView.of(usage) for usage in summary.usage]
        return cls(
            total_billed_api_calls=sum(usage.estimate.calls for usage in summary.usage),
            active_subscriptions=summary.active_subscriptions,
            estimated_cost=[MoneyView.of(amounts[currency], currency) for currency in sorted(amounts)],
            as_of=summary.as_of,
            complete_until=summary.complete_until,
            subscriptions=[view for view in views if view is not None],
        )


class TallyView(BaseModel):
    """Production calls of a day or an API; amounts without fees, one per currency."""

    calls: int
    calls_not_billed: int
    units: int
    amounts: list[MoneyView]

    @classmethod
    def values(cls, tally: Tally) -> dict[str, object]:
        """The fields of a tally."""
        amounts = [MoneyView.of(tally.amounts[currency], currency) for currency in sorted(tally.amounts)]
        return {
            "calls": tally.calls,
            "calls_not_billed": tally.calls_not_billed,
            "units": tally.units,
            "amounts": amounts,
        }


class DayUsageView(TallyView):
    """One UTC day; the amount is what the day added to the bill."""

    day: date


class ApiUsageView(TallyView):
    """One API, all subscriptions to it."""

    api: NameView


class SubscriptionTallyView(TallyView):
    """One subscription."""

    subscription_id: str
    api: NameView
    plan: NameView
    application: NameView


class UsageHistoryView(BaseModel):
    """Usage in a range of UTC days."""

    since: date
    until: date
    as_of: datetime
    days: list[DayUsageView] = Field(description="Every day of the range, quiet ones too.")
    apis: list[ApiUsageView] = Field(description="The most called first.")
    subscriptions: list[SubscriptionTallyView]

    @classmethod
    def of(cls, history: UsageHistory) -> "UsageHistoryView":
        """From the domain."""
        subscriptions = []
        for named, tally in history.subscriptions:
            row = named.subscription
            names = {
                "subscription_id": row.id,
                "api": NameView(id=row.api_id, name=named.api.display_name if named.api else None),
                "plan": NameView(id=row.plan_id, name=named.plan.name if named.plan else None),
                "application": NameView(id=row.application_id, name=named.application_name),
            }
            subscriptions.append(SubscriptionTallyView.model_validate({**names, **TallyView.values(tally)}))
        return cls(
            since=history.since,
            until=history.until,
            as_of=history.as_of,
            days=[DayUsageView.model_validate({"day": d, **TallyView.values(t)}) for d, t in history.days],
            apis=[
                ApiUsageView.model_validate({"api": NameView(id=api_id, name=name), **TallyView.values(tally)})
                for api_id, name, tally in history.by_api
            ],
            subscriptions=subscriptions,
        )


class PlanEstimateView(BaseModel):
    """What one plan would cost."""

    plan: NameView
    pricing_model: PricingModel
    rule: str = Field(description="How this pricing model counts.")
    lines: list[RatedLineView]
    amount: MoneyView
    is_cheapest: bool
    saving: MoneyView | None = Field(description="What the cheapest plan would save against this one.")

    @classmethod
    def of(cls, one: PlanEstimate) -> "PlanEstimateView":
        """From the domain."""
        currency = one.explanation.version.currency
        return cls(
            plan=NameView(id=one.plan.id, name=one.plan.name),
            pricing_model=one.explanation.model,
            rule=rule_text(one.explanation),
            lines=[RatedLineView.of(line, one.explanation) for line in one.explanation.lines],
            amount=MoneyView.of(one.explanation.total_minor, currency),
            is_cheapest=one.cheapest,
            saving=MoneyView.of(one.saving_minor, currency) if one.saving_minor else None,
        )


class PlanEstimatesView(BaseModel):
    """Every plan of an API at one volume of a billing period."""

    units: int
    cheapest_plan_id: str | None = Field(description="Null where there is no choice, or plans do not compare.")
    plans: list[PlanEstimateView]

    @classmethod
    def of(cls, found: PlanEstimates) -> "PlanEstimatesView":
        """From the domain."""
        best = found.cheapest
        return cls(
            units=found.units,
            cheapest_plan_id=best.plan.id if best else None,
            plans=[PlanEstimateView.of(one) for one in found.plans],
        )
