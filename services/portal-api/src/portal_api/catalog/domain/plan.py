"""Plans: a bundle of limits and a price, in versions that never change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from shared.events.catalog import BillableRule, Interval, PlanState, PlanVersion, PricingModel, RateLimit, Tier
from shared.money import charge_step, parse_unit_amount

TimeUnit = Literal["second", "minute", "hour", "day"]
SECONDS: Mapping[TimeUnit, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
MAX_RATE_COUNT = 1_000_000_000
MAX_TIERS = 100
MAX_UNITS = 10**12
MAX_PACKAGE_SIZE = 1_000_000_000
# Source: docs.stripe.com/currencies, maximum charge amounts.
MAX_AMOUNT_MINOR = 99_999_999
MAX_AMOUNT_MINOR_OF: Mapping[str, int] = {
    "idr": 999_999_999_999,
    "inr": 999_999_999,
    "lbp": 99_999_999_999_999,
    "cop": 999_999_999_999,
    "huf": 999_999_999_999,
    "jpy": 9_999_999_999,
}

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
class RateLimitTerms:
    """`count` calls per `unit`; `burst` of them at once, all of them where it is None."""

    count: int
    unit: TimeUnit = "minute"
    burst: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """What a provider states of a plan's version, before it is checked. Amounts in minor units, as text."""

    pricing_model: PricingModel
    rate_limits: tuple[RateLimitTerms, ...] = ()
    currency: str = "usd"
    billing_period: Interval = "month"
    unit_amount_decimal: str | None = None
    flat_amount_decimal: str | None = None
    tiers: tuple[TierTerms, ...] = ()
    package_size: int | None = None
    included_units: int = 0
    billable_rule: BillableRule = "successful"
    usage_headers: bool = False


@dataclass(frozen=True, slots=True)
class TermsFault:
    """Why terms are refused: the field, and what to do."""

    field: str
    message: str


# Which price fields a model has: required ones, and allowed ones beside them. All others must be absent.
# A fee beside usage (`flat_amount_decimal`) is paid in advance, usage in arrears.
_REQUIRED: Mapping[PricingModel, tuple[str, ...]] = {
    "free": (),
    "flat": ("flat_amount_decimal",),
    "unit": ("unit_amount_decimal",),
    "volume": ("tiers",),
    "graduated": ("tiers",),
    "package": ("unit_amount_decimal", "package_size"),
}
_ALLOWED: Mapping[PricingModel, tuple[str, ...]] = {
    "unit": ("included_units", "flat_amount_decimal"),
    "volume": ("flat_amount_decimal",),
    "graduated": ("flat_amount_decimal",),
    "package": ("flat_amount_decimal",),
}
_PRICE_FIELDS = ("unit_amount_decimal", "flat_amount_decimal", "tiers", "package_size", "included_units")


def is_paid(version: PlanVersion) -> bool:
    """Everything but `free` goes through Stripe, also at a price of 0: a later version may cost something."""
    return version.pricing_model != "free"


def terms_faults(terms: PlanTerms) -> list[TermsFault]:
    """Everything that is wrong with the terms."""
    faults = [*_limit_faults(terms.rate_limits), *_shape_faults(terms)]
    if terms.currency not in CURRENCIES:
        message = f"`{terms.currency}` is no currency that Stripe charges. Use a lower-case ISO code such as `usd`."
        return [*faults, TermsFault("currency", message)]
    if terms.unit_amount_decimal is not None:
        faults += _amount_faults("unit_amount_decimal", terms.unit_amount_decimal, terms.currency)
    if terms.flat_amount_decimal is not None:
        faults += _whole_amount_faults("flat_amount_decimal", terms.flat_amount_decimal, terms.currency)
    for index, tier in enumerate(terms.tiers[: MAX_TIERS + 1]):
        where = f"tiers.{index}"
        faults += _amount_faults(f"{where}.unit_amount_decimal", tier.unit_amount_decimal, terms.currency)
        faults += _whole_amount_faults(f"{where}.flat_amount_decimal", tier.flat_amount_decimal, terms.currency)
    return faults + _tier_faults(terms.tiers)


def _limit_faults(limits: tuple[RateLimitTerms, ...]) -> list[TermsFault]:
    faults = []
    seen: set[TimeUnit] = set()
    for index, limit in enumerate(limits):
        where = f"rate_limits.{index}"
        if not 1 <= limit.count <= MAX_RATE_COUNT:
            faults.append(TermsFault(f"{where}.count", f"Use a number from 1 to {MAX_RATE_COUNT}."))
        if limit.burst is not None and not 1 <= limit.burst <= MAX_RATE_COUNT:
            faults.append(TermsFault(f"{where}.burst", f"Use a number from 1 to {MAX_RATE_COUNT}, or leave it out."))
        if limit.unit in seen:
            faults.append(TermsFault(f"{where}.unit", f"There is a limit per {limit.unit} already: keep one of them."))
        seen.add(limit.unit)
    return faults


def _shape_faults(terms: PlanTerms) -> list[TermsFault]:
    required = _REQUIRED[terms.pricing_model]
    allowed = (*required, *_ALLOWED.get(terms.pricing_model, ()))
    faults = []
    for field in _PRICE_FIELDS:
        given = getattr(terms, field)
        if field in required and given in (None, ()):
            faults.append(TermsFault(field, f"The pricing model `{terms.pricing_model}` needs `{field}`."))
        if field not in allowed and given not in (None, 0, ()):
            faults.append(
                TermsFault(field, f"The pricing model `{terms.pricing_model}` has no `{field}`: leave it out.")
            )
    if terms.package_size is not None and not 1 <= terms.package_size <= MAX_PACKAGE_SIZE:
        faults.append(TermsFault("package_size", f"Use a number from 1 to {MAX_PACKAGE_SIZE}."))
    if not 0 <= terms.included_units <= MAX_UNITS:
        faults.append(TermsFault("included_units", f"Use a number from 0 to {MAX_UNITS}."))
    return faults


def _amount_faults(field: str, amount: str, currency: str) -> list[TermsFault]:
    try:
        value = parse_unit_amount(amount)
    except ValueError as error:
        return [TermsFault(field, f"`{field}` {error}.")]
    most = MAX_AMOUNT_MINOR_OF.get(currency, MAX_AMOUNT_MINOR)
    if value > most:
        return [TermsFault(field, f"Amounts are in minor units and at most {most} in {currency.upper()}.")]
    return []


def _whole_amount_faults(field: str, amount: str, currency: str) -> list[TermsFault]:
    """A fee is charged as it is: whole minor units, in the steps in which Stripe charges the currency."""
    faults = _amount_faults(field, amount, currency)
    step = charge_step(currency)
    if not faults and parse_unit_amount(amount) % step:
        what = "a whole number of minor units" if step == 1 else f"a multiple of {step}: Stripe charges no finer"
        faults.append(TermsFault(field, f"`{field}` in {currency.upper()} must be {what}."))
    return faults


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
            if tier.up_to > MAX_UNITS:
                faults.append(TermsFault(f"tiers.{index}.up_to", f"Use at most {MAX_UNITS}."))
            if tier.up_to <= below:
                faults.append(TermsFault(f"tiers.{index}.up_to", f"Must be above {below}, the bound before it."))
            below = tier.up_to
    return faults


def make_version(terms: PlanTerms, *, number: int, ordinal: int, now: datetime) -> PlanVersion:
    """The immutable version that faultless terms make."""
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
        rate_limits=tuple(
            RateLimit(count=limit.count, per_seconds=SECONDS[limit.unit], burst=limit.burst or 0)
            for limit in terms.rate_limits
        ),
        billable_rule=terms.billable_rule,
        usage_headers=terms.usage_headers,
    )


def versions_after(plan: Plan, ordinal: str | None) -> tuple[PlanVersion, ...]:
    """The versions that follow one; an ordinal that none has is before all."""
    after = int(ordinal) if ordinal and ordinal.isascii() and ordinal.isdigit() else 0
    return tuple(version for version in plan.versions if version.ordinal > after)


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
