"""Money, numbers and times for people, by the rules of Unicode's CLDR (Babel)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from portal_api.http import money_text
from portal_api.web.kit.viewer import Viewer
from shared.events.catalog import Interval, PlanVersion

_PERIODS: dict[Interval, str] = {"day": "day", "week": "week", "month": "month", "year": "year"}
MODEL_NAMES = {
    "free": "Free",
    "flat": "Flat",
    "unit": "Unit",
    "volume": "Volume",
    "graduated": "Graduated",
    "package": "Package",
}
INTERVAL_NAMES: dict[Interval, str] = {"day": "Daily", "week": "Weekly", "month": "Monthly", "year": "Yearly"}
_UNITS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
_DEFAULT = Locale("en", "US")


def money(amount_minor: int, currency: str, locale: Locale = _DEFAULT) -> str:
    """An amount on an invoice: (200, usd) -> `$2.00`."""
    return money_text.money(amount_minor, currency, locale)


def price(amount_minor: Decimal, currency: str, locale: Locale = _DEFAULT) -> str:
    """An exact price, with all the decimals that it has: (Decimal("0.05"), usd) -> `$0.0005`."""
    return money_text.exact_money(amount_minor, currency, locale)


@lru_cache(maxsize=8192)
def number(value: int | Decimal, locale: Locale = _DEFAULT) -> str:
    """`1,234,567`."""
    return format_decimal(value, locale=locale, decimal_quantization=False)


@lru_cache(maxsize=4096)
def compact(value: int | Decimal, locale: Locale = _DEFAULT) -> str:
    """`1.2M`, for axes."""
    return format_compact_decimal(value, locale=locale, fraction_digits=1)


def percent(part: int, whole: int, locale: Locale = _DEFAULT) -> str:
    """`1.2%`; a dash of nothing."""
    return format_percent(part / whole, format="#,##0.#%", locale=locale) if whole else "–"


def share(value: float, locale: Locale = _DEFAULT) -> str:
    """0.012 -> `1.2%`."""
    return format_percent(value, format="#,##0.#%", locale=locale)


def moment(at: datetime, viewer: Viewer) -> str:
    """In the viewer's zone, to the minute."""
    return _datetime(at, "medium", viewer.zone, viewer.locale)


def exact_moment(at: datetime, viewer: Viewer) -> str:
    """With the zone's name: what stands on hover."""
    return _datetime(at, "d MMM y, HH:mm:ss zzz", viewer.zone, viewer.locale)


def day(at: datetime | date, viewer: Viewer) -> str:
    """The date in the viewer's zone."""
    local = at.astimezone(viewer.zone).date() if isinstance(at, datetime) else at
    return _date(local, "medium", viewer.locale)


def clock_time(at: datetime, viewer: Viewer) -> str:
    """`14:30`, in the viewer's zone."""
    return _clock(at, viewer.zone, viewer.locale)


def short_day(at: datetime, viewer: Viewer) -> str:
    """`Nov 25`, for axes."""
    return _month_day(at, viewer.zone, viewer.locale)


# Babel reads its patterns anew for each text: a page that writes a hundred times spends most of its time there.
@lru_cache(maxsize=8192)
def _datetime(at: datetime, pattern: str, zone: ZoneInfo, locale: Locale) -> str:
    return format_datetime(at, format=pattern, tzinfo=zone, locale=locale)


@lru_cache(maxsize=4096)
def _date(at: date, pattern: str, locale: Locale) -> str:
    return format_date(at, format=pattern, locale=locale)


@lru_cache(maxsize=4096)
def _clock(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    return format_time(at, format="short", tzinfo=zone, locale=locale)


@lru_cache(maxsize=4096)
def _month_day(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    return format_skeleton("MMMd", at, tzinfo=zone, locale=locale)


def day_of_month(at: date, locale: Locale = _DEFAULT) -> str:
    """`25 Nov`, for axes of UTC days."""
    return _date(at, "d MMM", locale)


def ago(at: datetime, now: datetime, viewer: Viewer) -> str:
    """`3 minutes ago`, `in 2 days`; to the second it is `just now`."""
    difference = at - now
    if abs(difference.total_seconds()) < 5:
        return "just now"
    return format_timedelta(difference, add_direction=True, locale=viewer.locale)


def real_utc(at: datetime) -> str:
    """For the `datetime` attribute."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def price_line(version: PlanVersion, locale: Locale = _DEFAULT) -> str:
    """What a plan costs, in a line: `$0.02 per request`, `$19.00 per month + $0.01 per request`."""
    fee = version.flat_amount_decimal
    usage = _usage_line(version, locale)
    if version.pricing_model == "free" or not fee:
        return usage
    text = f"{price(fee, version.currency, locale)} per {_PERIODS[version.interval]}"
    return text if version.pricing_model == "flat" else f"{text} + {usage}"


def _usage_line(version: PlanVersion, locale: Locale) -> str:
    currency, zero = version.currency, Decimal(0)
    match version.pricing_model:
        case "free":
            return "Free"
        case "flat":
            return f"{price(zero, currency, locale)} per {_PERIODS[version.interval]}"
        case "unit":
            text = f"{price(version.unit_amount_decimal or zero, currency, locale)} per request"
            return f"{text} after {number(version.included_units, locale)}" if version.included_units else text
        case "package":
            amount = price(version.unit_amount_decimal or zero, currency, locale)
            return f"{amount} per {number(version.package_size or 1, locale)} requests"
        case "volume" | "graduated":
            lowest = min(tier.unit_amount_decimal for tier in version.tiers)
            highest = max(tier.unit_amount_decimal for tier in version.tiers)
            if lowest == highest:
                return f"{price(lowest, currency, locale)} per request"
            return f"{price(lowest, currency, locale)} to {price(highest, currency, locale)} per request"


def limit_line(version: PlanVersion, locale: Locale = _DEFAULT) -> str:
    """`1,000 requests per minute`, `10 requests per second, 1,000 per day`."""
    if not version.rate_limits:
        return "No rate limit"
    parts: list[str] = []
    for limit in version.rate_limits:
        unit = _UNITS.get(limit.per_seconds, f"{limit.per_seconds} s")
        parts.append(f"{number(limit.count, locale)} {'' if parts else 'requests '}per {unit}")
    return ", ".join(parts)
