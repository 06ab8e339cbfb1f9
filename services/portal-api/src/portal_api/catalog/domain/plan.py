"""Plans: a bundle of limits and a price, in versions that never change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from shared.events.catalog import Interval, PlanState, PlanVersion, PricingModel, RateLimit, Tier
from shared.money import parse_unit_amount

TimeUnit = Literal["second", "minute", "hour", "day"]
SECONDS: Mapping[TimeUnit, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
MAX_RATE_COUNT = 1_000_000_000
MAX_TIERS = 100
# Amounts are multiplied by units: this bound keeps every product far inside what Stripe accepts.
MAX_AMOUNT_MINOR = 99_999_999

# Source: docs.stripe.com/currencies, presentment currencies.
CURRENCIES = frozenset(
    (
        "usd", "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn",
        "bhd", "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny",
        "cop", "crc", "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel",
        "gip", "gmd", "gnf", "gtq", "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod",
        "jpy", "kes", "kgs", "khr", "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad",
        "mdl", "mga", "mkd", "mmk", "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio",
        "nok", "npr", "nzd", "omr", "pab", "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub",
        "rwf", "sar", "sbd", "scr", "sek", "sgd", "shp", "sle", "sos", "srd", "std", "szl", "thb", "tjs", "tnd",
        "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "uyu", "uzs", "vnd", "vuv", "wst", "xaf", "xcd", "xof",
        "xpf", "yer", "zar", "zmw",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan with all its versions, oldest first. Subscriptions keep the version that they were made with."""

    id: str
    organization_id: str
    name: str
    description: str
    status: Literal["active", "inactive", "deleted"]
    state_version: int
    versions: tuple[PlanVersion, ...]
    created_at: datetime

    @property
    def current(self) -> PlanVersion:
        """The version that new subscriptions get."""
        return self.versions[-1]

    @property
    def paid(self) -> bool:
        """Whether a subscription to it needs Stripe."""
        return is_paid(self.current)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierTerms:
    """A tier as it was asked for; amounts in minor units, as text."""

    up_to: int | None
    unit_amount_decimal: str = "0"
    flat_amount_decimal: str = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """What a provider states of a plan's version, before it is checked. Amounts in minor units, as text."""

    pricing_model: PricingModel
    rate_limit_count: int | None = None
    rate_limit_unit: TimeUnit = "minute"
    currency: str = "usd"
    billing_period: Interval = "month"
    unit_amount_decimal: str | None = None
    flat_amount_decimal: str | None = None
    tiers: tuple[TierTerms, ...] = ()
    package_size: int | None = None
    included_units: int = 0


@dataclass(frozen=True, slots=True)
class TermsFault:
    """Why terms are refused: the field, and what to do."""

    field: str
    message: str


# Which price fields a model has: required ones, and allowed ones beside them. All others must be absent.
_REQUIRED: Mapping[PricingModel, tuple[str, ...]] = {
    "free": (),
    "flat": ("flat_amount_decimal",),
    "unit": ("unit_amount_decimal",),
    "volume": ("tiers",),
    "graduated": ("tiers",),
    "package": ("unit_amount_decimal", "package_size"),
}
_ALLOWED: Mapping[PricingModel, tuple[str, ...]] = {"unit": ("included_units",)}
_PRICE_FIELDS = ("unit_amount_decimal", "flat_amount_decimal", "tiers", "package_size", "included_units")


def is_paid(version: PlanVersion) -> bool:
    """Everything but `free` goes through Stripe, also at a price of 0: a later version may cost something."""
    return version.pricing_model != "free"


def terms_faults(terms: PlanTerms) -> list[TermsFault]:
    """Everything that is wrong with the terms."""
    faults = [*_limit_faults(terms), *_shape_faults(terms)]
    for field in ("unit_amount_decimal", "flat_amount_decimal"):
        amount = getattr(terms, field)
        if amount is not None:
            faults += _amount_faults(field, amount)
    for index, tier in enumerate(terms.tiers):
        faults += _amount_faults(f"tiers.{index}.unit_amount_decimal", tier.unit_amount_decimal)
        faults += _amount_faults(f"tiers.{index}.flat_amount_decimal", tier.flat_amount_decimal)
    return faults + _tier_faults(terms.tiers)


def _limit_faults(terms: PlanTerms) -> list[TermsFault]:
    faults = []
    count = terms.rate_limit_count
    if count is not None and not 1 <= count <= MAX_RATE_COUNT:
        faults.append(TermsFault("rate_limit.count", f"Use a number from 1 to {MAX_RATE_COUNT}."))
    if terms.currency not in CURRENCIES:
        message = f"`{terms.currency}` is no currency that Stripe charges. Use a lower-case ISO code such as `usd`."
        faults.append(TermsFault("currency", message))
    return faults


def _shape_faults(terms: PlanTerms) -> list[TermsFault]:
    required = _REQUIRED[terms.pricing_model]
    allowed = (*required, *_ALLOWED.get(terms.pricing_model, ()))
    faults = []
    for field in _PRICE_FIELDS:
        given = getattr(terms, field)
        if field in required and not given:
            faults.append(TermsFault(field, f"The pricing model `{terms.pricing_model}` needs `{field}`."))
        if field not in allowed and given not in (None, 0, ()):
            faults.append(
                TermsFault(field, f"The pricing model `{terms.pricing_model}` has no `{field}`: leave it out.")
            )
    if terms.package_size is not None and not 1 <= terms.package_size <= 1_000_000_000:
        faults.append(TermsFault("package_size", "Use a number of at least 1."))
    if not 0 <= terms.included_units <= 10**12:
        faults.append(TermsFault("included_units", "Use a number of at least 0."))
    return faults


def _amount_faults(field: str, amount: str) -> list[TermsFault]:
    try:
        value = parse_unit_amount(amount)
    except ValueError as error:
        return [TermsFault(field, f"`{field}` {error}.")]
    if value > MAX_AMOUNT_MINOR:
        return [TermsFault(field, f"Amounts are in minor units and at most {MAX_AMOUNT_MINOR}.")]
    return []


def _tier_faults(tiers: tuple[TierTerms, ...]) -> list[TermsFault]:
    if not tiers:
        return []
    if len(tiers) > MAX_TIERS:
        return [TermsFault("tiers", f"At most {MAX_TIERS} tiers are possible.")]
    faults = []
    below = 0
    for index, tier in enumerate(tiers):
        last = index == len(tiers) - 1
        if last != (tier.up_to is None):
            message = "The last tier, and only the last, has no bound: `up_to`: null."
            faults.append(TermsFault(f"tiers.{index}.up_to", message))
        elif tier.up_to is not None:
            if tier.up_to <= below:
                faults.append(TermsFault(f"tiers.{index}.up_to", f"Must be above {below}, the bound before it."))
            below = tier.up_to
    return faults


def make_version(terms: PlanTerms, *, number: int, ordinal: int, now: datetime) -> PlanVersion:
    """The immutable version that faultless terms make."""
    limits: tuple[RateLimit, ...] = ()
    if terms.rate_limit_count is not None:
        limits = (RateLimit(count=terms.rate_limit_count, per_seconds=SECONDS[terms.rate_limit_unit]),)
    return PlanVersion(
        number=number,
        ordinal=ordinal,
        pricing_model=terms.pricing_model,
        created_at=now,
        currency=terms.currency,
        interval=terms.billing_period,
        unit_amount_decimal=_decimal(terms.unit_amount_decimal),
        flat_amount_decimal=_decimal(terms.flat_amount_decimal),
        tiers=tuple(
            Tier(
                up_to=tier.up_to,
                unit_amount_decimal=parse_unit_amount(tier.unit_amount_decimal),
                flat_amount_decimal=parse_unit_amount(tier.flat_amount_decimal),
            )
            for tier in terms.tiers
        ),
        package_size=terms.package_size,
        included_units=terms.included_units,
        rate_limits=limits,
    )


def with_version(plan: Plan, version: PlanVersion) -> Plan:
    """The plan with a further version."""
    return replace(plan, versions=(*plan.versions, version))


def to_state(plan: Plan) -> PlanState:
    """What `catalog.plans` says of it."""
    return PlanState(
        version=plan.state_version,
        plan_id=plan.id,
        organization_id=plan.organization_id,
        name=plan.name,
        status=plan.status,
        versions=plan.versions,
        description=plan.description,
    )


def _decimal(amount: str | None) -> Decimal | None:
    return None if amount is None else parse_unit_amount(amount)
