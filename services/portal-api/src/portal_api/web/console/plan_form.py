"""A plan as a form: amounts in major units (`0.02`), tiers in rows; and what it would cost, drawn and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import cast, get_args

from babel import Locale
from markupsafe import Markup

from portal_api.billing.domain.explanation import explain
from portal_api.billing.use_cases.explaining import line_text, line_title
from portal_api.catalog.domain.plan import (
    SECONDS,
    Plan,
    PlanTerms,
    RateLimitTerms,
    TierTerms,
    TimeUnit,
    make_version,
    terms_faults,
)
from portal_api.web.kit import charts, formats
from portal_api.web.kit.forms import Form
from shared.clock import Clock
from shared.events.catalog import Interval, PlanVersion, PricingModel
from shared.money import exponent, plain, to_major

MODELS = (
    ("free", "Free", "Costs nothing; limits still hold."),
    ("flat", "Flat", "A fee per period."),
    ("unit", "Unit", "A price per request."),
    ("volume", "Volume", "The total sets one price for all."),
    ("graduated", "Graduated", "Each tier has its own price."),
    ("package", "Package", "A price per bundle of requests."),
)
UNITS: tuple[TimeUnit, ...] = ("second", "minute", "hour", "day")
COMMON_CURRENCIES = ("usd", "eur", "gbp", "jpy", "chf", "cad", "aud", "inr", "sgd", "brl", "sek", "nok", "dkk", "pln")
BILL_STEPS = (100, 1_000, 10_000, 100_000, 1_000_000)
CURVE_POINTS = 21


def _suffix(index: int) -> str:
    """The first limit has the plain names."""
    return f"_{index}" if index else ""


MORE_LIMITS = 3
RULES = (("successful", "Only calls that succeed (status below 400)"), ("admitted", "All admitted calls"))
_LIMIT_FIELDS = {
    f"rate_limits.{index}.{api}": f"request_{api}{_suffix(index)}"
    for index in range(MORE_LIMITS + 1)
    for api in ("count", "unit", "burst")
}
_FIELDS = {
    "unit_amount_decimal": "unit_amount",
    "flat_amount_decimal": "flat_amount",
    "billing_period": "billing_period",
}
FIELD_NAMES = (
    _FIELDS
    | _LIMIT_FIELDS
    | {
        f"tiers.{index}.{api}": f"tier_{page}_{index}"
        for index in range(100)
        for api, page in (("up_to", "up_to"), ("unit_amount_decimal", "unit"), ("flat_amount_decimal", "flat"))
    }
)


@dataclass(frozen=True, slots=True)
class Bill:
    """An example: so many requests cost so much, step by step."""

    units: int
    total_minor: int
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What the terms mean in money."""

    version: PlanVersion
    bills: tuple[Bill, ...]
    curve: Markup | None


def form_of(plan: Plan | None) -> Form:
    """The editor's first form: a new plan begins as the most asked-for one."""
    if plan is None:
        return Form.of(
            pricing_model="unit", currency="usd", billing_period="month", request_count="1000", request_unit="minute",
            tier_up_to_0="1000", tier_rows="2", package_size="1000",
        )  # fmt: skip
    version = plan.current
    values: dict[str, object] = {
        "name": plan.name,
        "description": plan.description,
        "pricing_model": version.pricing_model,
        "currency": version.currency,
        "billing_period": version.interval,
        "billable_rule": version.billable_rule,
        "usage_headers": version.usage_headers,
        "unit_amount": _major(version.unit_amount_decimal, version.currency),
        "flat_amount": _major(version.flat_amount_decimal, version.currency),
        "package_size": version.package_size,
        "included_units": version.included_units or None,
        "tier_rows": max(len(version.tiers), 2),
    }
    for index, limit in enumerate(version.rate_limits):
        suffix = _suffix(index)
        values[f"request_count{suffix}"] = limit.count
        values[f"request_unit{suffix}"] = next(name for name, s in SECONDS.items() if s == limit.per_seconds)
        values[f"request_burst{suffix}"] = limit.burst or None
    for index, tier in enumerate(version.tiers):
        values[f"tier_up_to_{index}"] = tier.up_to
        values[f"tier_unit_{index}"] = _major(tier.unit_amount_decimal, version.currency)
        values[f"tier_flat_{index}"] = _major(tier.flat_amount_decimal, version.currency)
    return Form.of(**values)


def rows(form: Form) -> int:
    """How many tiers the editor shows."""
    return min(max(form.integer("tier_rows") or 2, 1), 100)


def terms_of(form: Form) -> PlanTerms:
    """The terms in a form; faults are noted in it, also those that only the domain sees."""
    model = cast(PricingModel, form.text("pricing_model") or "unit")
    if model not in get_args(PricingModel):
        form.errors["pricing_model"] = "Choose a pricing model."
        model = "free"
    currency = form.text("currency").lower() or "usd"
    interval = form.text("billing_period") or "month"
    included = form.integer("included_units", label="Included requests") or 0
    package = form.integer("package_size", label="The package's size")
    terms = PlanTerms(
        pricing_model=model,
        rate_limits=_limits(form),
        currency=currency,
        billing_period=cast(Interval, interval if interval in get_args(Interval) else "month"),
        unit_amount_decimal=_minor(form, "unit_amount", currency) if model in ("unit", "package") else None,
        flat_amount_decimal=_minor(form, "flat_amount", currency) if model != "free" else None,
        tiers=_tiers(form, currency) if model in ("volume", "graduated") else (),
        package_size=package if model == "package" else None,
        included_units=included if model == "unit" else 0,
        billable_rule="admitted" if form.text("billable_rule") == "admitted" else "successful",
        usage_headers=form.flag("usage_headers"),
    )
    for fault in terms_faults(terms):
        form.errors.setdefault(FIELD_NAMES.get(fault.field, fault.field), _in_page_words(fault.field, fault.message))
    return terms


def preview(form: Form, clock: Clock, locale: Locale) -> Preview | None:
    """None while the terms are not complete. Works on a copy: looking finds no faults."""
    draft = Form(dict(form.values))
    terms = terms_of(draft)
    if draft.errors:
        return None
    version = make_version(terms, number=0, ordinal=0, now=clock.now())
    return preview_of(version, locale)


def preview_of(version: PlanVersion, locale: Locale) -> Preview:
    """Bills and curve of a version."""
    bills = []
    for units in BILL_STEPS:
        found = explain(version, units)
        steps = tuple(
            (line_title(line, found, locale), line_text(line, version.currency, locale)) for line in found.lines
        )
        bills.append(Bill(units, found.total_minor, steps))
    return Preview(version, tuple(bills), _curve(version, locale))


def _curve(version: PlanVersion, locale: Locale) -> Markup | None:
    if version.pricing_model == "free":
        return None
    bounds = [tier.up_to for tier in version.tiers if tier.up_to is not None]
    last = int(charts.nice_ceiling(max(bounds) * 1.6)) if bounds else 10 * (version.package_size or 1_000)
    units: Sequence[int] = sorted(
        {round(last * step / (CURVE_POINTS - 1)) for step in range(CURVE_POINTS)} | {b for b in bounds if b < last}
    )
    points = [_point(version, one, locale) for one in units]
    currency = version.currency

    def label(value: float) -> str:
        return formats.price(Decimal(str(round(value))), currency, locale)

    return charts.line_chart([points], title="Total for a period by number of requests", label=label, height=200)


def _point(version: PlanVersion, units: int, locale: Locale) -> charts.Point:
    total = explain(version, units).total_minor
    text = f"{formats.number(units, locale)} requests\n{formats.money(total, version.currency, locale)}"
    return charts.Point(units, total, formats.compact(units, locale), text)


def _limits(form: Form) -> tuple[RateLimitTerms, ...]:
    limits = []
    for index in range(MORE_LIMITS + 1):
        suffix = _suffix(index)
        count = form.integer(f"request_count{suffix}", label="The request count")
        if count is None:
            continue
        wanted = form.text(f"request_unit{suffix}")
        unit: TimeUnit = next((name for name in UNITS if name == wanted), "minute")
        burst = form.integer(f"request_burst{suffix}", label="The burst")
        limits.append(RateLimitTerms(count=count, unit=unit, burst=burst))
    return tuple(limits)


def _tiers(form: Form, currency: str) -> tuple[TierTerms, ...]:
    tiers = []
    count = rows(form)
    for index in range(count):
        up_to = form.integer(f"tier_up_to_{index}", label="The bound") if index < count - 1 else None
        if index < count - 1 and up_to is None:
            form.errors.setdefault(f"tier_up_to_{index}", "Each tier but the last needs a bound.")
        unit = _minor(form, f"tier_unit_{index}", currency) or "0"
        flat = _minor(form, f"tier_flat_{index}", currency) or "0"
        tiers.append(TierTerms(up_to=up_to, unit_amount_decimal=unit, flat_amount_decimal=flat))
    return tuple(tiers)


def _minor(form: Form, name: str, currency: str) -> str | None:
    """`0.02` of usd -> `2`: what the API takes."""
    text = form.text(name, max_length=40).replace(",", "")
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        form.errors.setdefault(name, "An amount such as 0.02, in whole currency units.")
        return None
    if not value.is_finite() or value < 0:
        form.errors.setdefault(name, "An amount of at least 0.")
        return None
    return plain(value.scaleb(exponent(currency)))


def _major(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else plain(to_major(amount, currency))


def _in_page_words(field: str, message: str) -> str:
    """The API's sentences name the API's fields; the page's own are clearer where a person forgot one."""
    if "needs `" in message:
        return {"unit_amount_decimal": "A price is needed.", "flat_amount_decimal": "A fee is needed."}.get(
            field, "This is needed."
        )
    return message
