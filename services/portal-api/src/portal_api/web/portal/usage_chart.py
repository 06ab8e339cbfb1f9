"""Billed calls by day, stacked by API; days to come at the pace so far."""

from dataclasses import dataclass
from datetime import UTC, date, timedelta

from babel import Locale
from markupsafe import Markup

from portal_api.billing.use_cases.usage_history import UsageHistory
from portal_api.billing.use_cases.usage_summary import UsageSummary
from portal_api.web.kit import formats
from portal_api.web.kit.charts import Bar, bar_chart

MAX_SERIES = 5
MAX_BARS = 62


@dataclass(frozen=True, slots=True)
class UsageChart:
    """The drawing, and what its colours mean."""

    drawing: Markup
    legend: tuple[str, ...]
    has_forecast: bool


def usage_chart(history: UsageHistory, summary: UsageSummary, locale: Locale) -> UsageChart | None:
    """None where nothing was called."""
    apis = [(api_id, name) for api_id, name, tally in history.by_api if tally.calls]
    if not apis:
        return None
    shown = apis[:MAX_SERIES] if len(apis) <= MAX_SERIES else apis[: MAX_SERIES - 1]
    series = {api_id: index for index, (api_id, _) in enumerate(shown)}
    calls: dict[date, list[int]] = {day: [0] * (len(shown) + 1) for day, _ in history.days}
    for row in history.rows:
        calls[row.day][series.get(row.named.subscription.api_id, len(shown))] += row.tally.calls
    bars = [_bar(day, calls[day], [name for _, name in shown], locale) for day, _ in history.days[-MAX_BARS:]]
    ahead = _ahead(history, summary)
    bars += [
        Bar(
            _label(day, locale), (pace,), f"{_label(day, locale)}\nforecast {formats.number(round(pace), locale)}", True
        )
        for day, pace in ahead[: max(MAX_BARS - len(bars), 0)]
    ]
    legend = tuple(name for _, name in shown) + (("Other APIs",) if len(apis) > len(shown) else ())
    drawing = bar_chart(
        bars, title="Billed calls by day", label=lambda value: formats.compact(round(value), locale), height=220
    )
    return UsageChart(drawing, legend, bool(ahead))


def _bar(day: date, parts: list[int], names: list[str], locale: Locale) -> Bar:
    label = _label(day, locale)
    lines = [label, f"{formats.number(sum(parts), locale)} billed calls"]
    if len(names) > 1:
        named = zip([*names, "Other APIs"], parts, strict=True)
        lines += [f"{name}: {formats.number(part, locale)}" for name, part in named if part]
    return Bar(label, tuple(float(part) for part in parts), "\n".join(lines))


def _ahead(history: UsageHistory, summary: UsageSummary) -> list[tuple[date, float]]:
    """The days that are left of the latest period, at the forecast's pace."""
    paces = [
        (usage.named.subscription.current_period_end, usage.forecast.units - usage.estimate.units)
        for usage in summary.usage
        if usage.forecast is not None and usage.named.subscription.current_period_end is not None
    ]
    found: dict[date, float] = {}
    for end, units in paces:
        last = (end - timedelta(microseconds=1)).astimezone(UTC).date()
        left = (last - history.until).days
        for n in range(1, left + 1):
            day = history.until + timedelta(days=n)
            found[day] = found.get(day, 0.0) + units / left
    return sorted((day, pace) for day, pace in found.items() if pace)


def _label(day: date, locale: Locale) -> str:
    return formats.day_of_month(day, locale)
