"""What the routes of plans, and of the portal's catalogue, read and answer."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from portal_api.catalog.domain.entry_price import EntryPrice, lowest_entry_price
from portal_api.catalog.domain.plan import MAX_RATE_COUNT, Plan, PlanTerms, RateLimitTerms, TierTerms, TimeUnit
from portal_api.catalog.entrypoints.plan_examples import EXAMPLES
from portal_api.catalog.use_cases.price_text import entry_price_text
from portal_api.catalog.use_cases.reading import PublishedApi
from shared.errors import DomainError
from shared.events.catalog import BillableRule, Interval, Lifecycle, PlanVersion, PricingModel, RateLimit
from shared.money import plain

Amount = Field(
    default=None,
    description="Of one unit (package: of one package). Minor units as text, at most 12 decimals: `2` is 0.02 USD.",
    examples=["2"],
)
_UNITS: dict[int, TimeUnit] = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
# What a changed pricing model resets, unless it is stated anew.
_PRICE_FIELDS = ("unit_amount_decimal", "flat_amount_decimal", "tiers", "package_size", "included_units")


class RateLimitModel(BaseModel):
    """At most `count` calls in each unit of time."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(ge=1, le=MAX_RATE_COUNT, examples=[1000])
    unit: TimeUnit = Field(default="minute", examples=["minute"])
    burst: int | None = Field(
        default=None, description="How many may come at once; they are refilled at the limit's rate. Null: `count`."
    )

    @classmethod
    def of(cls, limit: RateLimit) -> "RateLimitModel":
        """Of a version's."""
        return cls(count=limit.count, unit=_UNITS[limit.per_seconds], burst=limit.burst or None)


class TierModel(BaseModel):
    """One tier: units up to and including `up_to`."""

    model_config = ConfigDict(extra="forbid")

    up_to: int | None = Field(description="Null in the last tier, and only there.", examples=[1000])
    unit_amount_decimal: str = Field(default="0", description="Of one unit, minor units as text.", examples=["0.5"])
    flat_amount_decimal: str = Field(
        default="0", description="Due once the tier is reached (the first one always); whole minor units as text."
    )


class PlanTermsModel(BaseModel):
    """Limits and price. Which price fields are needed depends on the pricing model."""

    rate_limits: list[RateLimitModel] | None = Field(
        default=None, max_length=4, description="All of them hold; one per unit of time. Empty or null: no limit."
    )
    rate_limit: RateLimitModel | None = Field(default=None, description="Short for one entry of `rate_limits`.")
    pricing_model: PricingModel = Field(
        description="`free`; `flat` (`flat_amount_decimal` per period, paid in advance); `unit`, `package`, `volume`"
        " (the tier of the total prices all units) or `graduated` (each tier prices its own units), paid in arrears."
    )
    currency: str = Field(default="usd", examples=["usd"])
    billing_period: Interval = "month"
    unit_amount_decimal: str | None = Amount
    flat_amount_decimal: str | None = Field(
        default=None,
        description="The fee for a period, alone (`flat`) or beside usage; whole minor units as text.",
        examples=["1900"],
    )
    tiers: list[TierModel] = Field(default_factory=list, description="For `volume` and `graduated`.")
    package_size: int | None = Field(default=None, description="Units per package; begun packages count.")
    included_units: int = Field(default=0, description="Units of a period that cost nothing (`unit`).")
    billable_rule: BillableRule = Field(
        default="successful",
        description="`successful`: calls answered with a status below 400 are billed; `admitted`: all admitted ones.",
    )
    usage_headers: bool = Field(
        default=False,
        description="Answers tell the caller the units of the period so far and what they cost (`X-Tollway-Usage-*`).",
    )

    def terms(self) -> PlanTerms:
        """As the domain knows them."""
        limits = [self.rate_limit] if self.rate_limit else []
        if self.rate_limits and limits and self.rate_limits[:1] != limits:
            detail = "State the limits in `rate_limits` or the only one in `rate_limit`, not both."
            raise DomainError("plan-invalid", 422, "The plan's terms are not valid", detail, "rate_limit")
        return PlanTerms(
            rate_limits=tuple(RateLimitTerms(**one.model_dump()) for one in self.rate_limits or limits),
            pricing_model=self.pricing_model,
            currency=self.currency,
            billing_period=self.billing_period,
            unit_amount_decimal=self.unit_amount_decimal,
            flat_amount_decimal=self.flat_amount_decimal,
            tiers=tuple(TierTerms(**tier.model_dump()) for tier in self.tiers),
            package_size=self.package_size,
            included_units=self.included_units,
            billable_rule=self.billable_rule,
            usage_headers=self.usage_headers,
        )

    @classmethod
    def of_version(cls, version: PlanVersion) -> "PlanTermsModel":
        """Of a version."""
        limits = [RateLimitModel.of(limit) for limit in version.rate_limits]
        return cls(
            rate_limits=limits,
            rate_limit=limits[0] if limits else None,
            pricing_model=version.pricing_model,
            currency=version.currency,
            billing_period=version.interval,
            unit_amount_decimal=_text(version.unit_amount_decimal),
            flat_amount_decimal=_text(version.flat_amount_decimal),
            tiers=[
                TierModel(
                    up_to=tier.up_to,
                    unit_amount_decimal=plain(tier.unit_amount_decimal),
                    flat_amount_decimal=plain(tier.flat_amount_decimal),
                )
                for tier in version.tiers
            ],
            package_size=version.package_size,
            included_units=version.included_units,
            billable_rule=version.billable_rule,
            usage_headers=version.usage_headers,
        )


class PlanCreate(PlanTermsModel):
    """A new plan."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [*EXAMPLES]})

    name: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", max_length=2000)


class PlanChange(BaseModel):
    """What changes; the rest stays. Any changed term makes a new version; another pricing model starts from nothing."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"unit_amount_decimal": "3"}]})

    name: str | None = Field(default=None, min_length=1, max_length=100)
    description: str | None = Field(default=None, max_length=2000)
    status: Literal["active", "inactive"] | None = None
    rate_limits: list[RateLimitModel] | None = Field(default=None, max_length=4)
    rate_limit: RateLimitModel | None = None
    pricing_model: PricingModel | None = None
    currency: str | None = None
    billing_period: Interval | None = None
    unit_amount_decimal: str | None = Amount
    flat_amount_decimal: str | None = None
    tiers: list[TierModel] | None = None
    package_size: int | None = None
    included_units: int | None = None
    billable_rule: BillableRule | None = None
    usage_headers: bool | None = None

    def terms_on(self, version: PlanVersion) -> PlanTerms:
        """The version's terms with what this changes. Null clears a field that may be absent."""
        given = self.model_dump(exclude_unset=True, exclude={"name", "description", "status"})
        given = {name: value for name, value in given.items() if value is not None or name != "pricing_model"}
        before = PlanTermsModel.of_version(version).model_dump()
        if given.get("pricing_model", version.pricing_model) != version.pricing_model:
            before = {name: value for name, value in before.items() if name not in _PRICE_FIELDS}
        if given.keys() & {"rate_limit", "rate_limits"}:
            before |= {"rate_limit": None, "rate_limits": None}
        merged = before | given
        return PlanTermsModel(**{name: value for name, value in merged.items() if value is not None}).terms()

    @property
    def changes_terms(self) -> bool:
        """Whether any term is named."""
        return bool(self.model_fields_set - {"name", "description", "status"})


class PlanVersionView(PlanTermsModel):
    """An immutable version."""

    number: int = Field(description="Stands for the version in call records.")
    ordinal: int
    created_at: datetime

    @classmethod
    def of(cls, version: PlanVersion) -> "PlanVersionView":
        """Of a version."""
        terms = PlanTermsModel.of_version(version).model_dump()
        return cls(**terms, number=version.number, ordinal=version.ordinal, created_at=version.created_at)


class PlanView(BaseModel):
    """A plan with its current version; new subscriptions get it."""

    id: str = Field(examples=["plan_01KB3W2VZ5R8M4Q0X7C9T6N1DE"])
    organization_id: str
    name: str
    description: str
    status: Literal["active", "inactive", "deleted"]
    current: PlanVersionView
    version_count: int
    state_version: int
    created_at: datetime

    @classmethod
    def of(cls, plan: Plan) -> "PlanView":
        """Of a plan."""
        return cls(
            id=plan.id,
            organization_id=plan.organization_id,
            name=plan.name,
            description=plan.description,
            status=plan.status,
            current=PlanVersionView.of(plan.current),
            version_count=len(plan.versions),
            state_version=plan.state_version,
            created_at=plan.created_at,
        )


class ApiPlansChange(BaseModel):
    """Exactly these plans are enabled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plan_ids": ["plan_01KB3W2VZ5R8M4Q0X7C9T6N1DE"]}]})

    plan_ids: list[str] = Field(max_length=50)


class ApiPlans(BaseModel):
    """The enabled plans: at most 50, so this list has no pages."""

    data: list[PlanView]


class PortalPlanView(PlanTermsModel):
    """A plan as developers see it."""

    id: str
    name: str
    description: str

    @classmethod
    def of(cls, plan: Plan) -> "PortalPlanView":
        """Of a plan."""
        terms = PlanTermsModel.of_version(plan.current).model_dump()
        return cls(**terms, id=plan.id, name=plan.name, description=plan.description)


class EntryPriceView(BaseModel):
    """What a card says after "from"; the amount in minor units, exact."""

    basis: Literal["free", "request", "package", "period"]
    amount_decimal: str
    currency: str
    billing_period: Interval
    package_size: int | None
    text: str = Field(examples=["$0.02 per request"])

    @classmethod
    def of(cls, price: EntryPrice) -> "EntryPriceView":
        """Of a price."""
        return cls(
            basis=price.basis,
            amount_decimal=plain(price.amount),
            currency=price.currency,
            billing_period=price.interval,
            package_size=price.package_size,
            text=entry_price_text(price),
        )


class PortalApiView(BaseModel):
    """An API as developers see it."""

    id: str
    display_name: str
    identifier: str
    version: str
    description: str
    lifecycle: Lifecycle
    sunset_at: datetime | None
    gateway_url: str
    tags: list[str]
    price_from: EntryPriceView | None = Field(description="The lowest entry price of its plans; null without plans.")
    plans: list[PortalPlanView]

    @classmethod
    def of(cls, one: PublishedApi) -> "PortalApiView":
        """Of a published API."""
        price = lowest_entry_price(plan.current for plan in one.plans)
        return cls(
            id=one.api.id,
            display_name=one.api.display_name,
            identifier=one.api.identifier,
            version=one.api.version_label,
            description=one.api.description,
            lifecycle=one.api.lifecycle,
            sunset_at=one.api.sunset_at,
            gateway_url=one.gateway_url,
            tags=list(one.api.tags),
            price_from=EntryPriceView.of(price) if price else None,
            plans=[PortalPlanView.of(plan) for plan in one.plans],
        )


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
