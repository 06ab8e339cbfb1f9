"""Charts as SVG, drawn on the server: readable without script, each part with a tooltip for pointer and keyboard.

Every chart is drawn twice, wide and narrow: an SVG that shrinks would shrink its text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10

from markupsafe import Markup, escape

WIDE, NARROW = 880, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 8.0, 8.0, 22.0
Label = Callable[[float], str]
# Plain f-strings, for `Markup.format` costs ten times as much and a chart has hundreds of parts: texts are escaped
# where they enter, all else are numbers.
_HATCH = (
    '<defs><pattern id="k-hatch-{}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="k-s1" width="6" height="6" opacity="0.15"/><rect class="k-s1" width="2" height="6" opacity="0.75"/>'
    "</pattern></defs>"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `parts` stack from below, in the series' order; `tip` is what a pointer shows."""

    label: str
    parts: tuple[float, ...]
    tip: str
    forecast: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a line."""

    x: float
    y: float
    label: str
    tip: str


def bar_chart(bars: Sequence[Bar], *, title: str, label: Label, height: int = 200) -> Markup:
    """Stacked bars. `title` says to screen readers what is shown; `label` writes the axis' figures."""
    return _both(lambda width: _bars(bars, width, height, title, label))


def line_chart(lines: Sequence[Sequence[Point]], *, title: str, label: Label, height: int = 220) -> Markup:
    """Lines over a common axis."""
    return _both(lambda width: _lines(lines, width, height, title, label))


def sparkline(values: Sequence[float], *, title: str, series: int = 1) -> Markup:
    """A trend without axes, for table rows."""
    top = max(values, default=0) or 1
    step = 96 / max(len(values) - 1, 1)
    points = " ".join(f"{index * step:.1f},{24 - 22 * value / top:.1f}" for index, value in enumerate(values))
    return Markup(
        '<svg class="k-spark" viewBox="0 0 96 26" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}" fill="none" class="k-l{}" stroke-width="1.5" vector-effect="non-scaling-stroke"/></svg>'
    ).format(title, points, series)


def nice_ceiling(value: float) -> float:
    """The round number at or above: where an axis ends."""
    if value <= 0:
        return 1.0
    magnitude = 10.0 ** floor(log10(value))
    return next(step * magnitude for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if value <= step * magnitude * 1.0001)


def ticks_of(value: float, *, whole: bool) -> list[float]:
    """Few round numbers from 0 to at or above `value`, equally far apart; `whole`: no fractions of what is counted."""
    if value <= 0 or (whole and value <= 1):
        return [0.0, 1.0]
    magnitude = 10.0 ** (floor(log10(value)) - 1)
    steps = [step * magnitude * power for power in (1, 10) for step in (1, 2, 2.5, 5)] + [100 * magnitude]
    step = next(one for one in steps if value <= 5 * one * 1.0001 and not (whole and one % 1))
    return [step * number for number in range(ceil(value / step - 0.001) + 1)]


def _both(draw: Callable[[int], str]) -> Markup:
    return Markup(f'<div class="k-chart">{draw(WIDE)}{draw(NARROW)}</div>')  # noqa: S704


def _frame(width: int, height: int, title: str, inside: Sequence[str]) -> str:
    kind = "wide" if width == WIDE else "narrow"
    return (
        f'<svg viewBox="0 0 {width} {height}" data-for="{kind}" role="group" aria-label="{escape(title)}">'
        f"{''.join(inside)}</svg>"
    )


def _grid(ticks: Sequence[float], width: int, height: int, label: Label) -> list[str]:
    lines = []
    for value in ticks:
        y = _y(value, ticks[-1], height)
        kind = "k-axis" if value == 0 else "k-gridline"
        lines.append(
            f'<line class="{kind}" x1="{_LEFT:.0f}" x2="{width - _RIGHT:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 7:.0f}" y="{y + 4:.1f}" text-anchor="end">{escape(label(value))}</text>'
        )
    return lines


def _tip(text: str) -> str:
    return f'<g data-tip="{escape(text)}" tabindex="0" role="img" aria-label="{escape(text.replace(chr(10), ", "))}">'


def _y(value: float, top: float, height: int) -> float:
    return height - _BOTTOM - (height - _TOP - _BOTTOM) * value / top


def _bars(bars: Sequence[Bar], width: int, height: int, title: str, label: Label) -> str:
    whole = all(float(part).is_integer() for bar in bars for part in bar.parts)
    ticks = ticks_of(max((sum(bar.parts) for bar in bars), default=0), whole=whole)
    top = ticks[-1]
    room = (width - _LEFT - _RIGHT) / max(len(bars), 1)
    every = ceil(len(bars) / max((width - _LEFT) // 72, 1)) if bars else 1
    inside = _grid(ticks, width, height, label)
    if any(bar.forecast for bar in bars):
        inside.append(_HATCH.format(width))
    for index, bar in enumerate(bars):
        left = _LEFT + room * index
        inside.append(
            f'{_tip(bar.tip)}<rect class="k-hit" x="{left:.1f}" y="{_TOP}" width="{room:.1f}"'
            f' height="{height - _TOP - _BOTTOM:.1f}"/>{_stack(bar, left, room, width, height, top)}</g>'
        )
        if index % every == 0:
            middle = left + room / 2
            inside.append(f'<text x="{middle:.1f}" y="{height - 6}" text-anchor="middle">{escape(bar.label)}</text>')
    return _frame(width, height, title, inside)


def _stack(bar: Bar, left: float, room: float, width: int, height: int, top: float) -> str:
    thick, below, parts = min(room * 0.7, 34.0), 0.0, []
    x = left + (room - thick) / 2
    for series, part in enumerate(bar.parts, 1):
        if part <= 0:
            continue
        y = _y(below + part, top, height)
        size = max(_y(below, top, height) - y, 1.0)
        below += part
        paint = f'fill="url(#k-hatch-{width})"' if bar.forecast else f'class="k-s{series}"'
        parts.append(
            f'<rect data-anchor {paint} x="{x:.1f}" y="{y:.1f}" width="{thick:.1f}" height="{size:.1f}" rx="1.5"/>'
        )
    return "".join(parts)


def _lines(lines: Sequence[Sequence[Point]], width: int, height: int, title: str, label: Label) -> str:
    points = [point for line in lines for point in line]
    ticks = ticks_of(max((point.y for point in points), default=0), whole=False)
    top = ticks[-1]
    low, high = min((p.x for p in points), default=0), max((p.x for p in points), default=1)
    room = width - _LEFT - _RIGHT - 12

    def x_of(x: float) -> float:
        return _LEFT + 6 + room * (x - low) / ((high - low) or 1)

    inside = _grid(ticks, width, height, label)
    for series, line in enumerate(lines, 1):
        path = " ".join(f"{x_of(p.x):.1f},{_y(p.y, top, height):.1f}" for p in line)
        inside.append(f'<polyline class="k-l{series}" points="{path}" fill="none" stroke-width="2"/>')
    last_label = -100.0
    for point in lines[0] if lines else ():
        x = x_of(point.x)
        if point.label and x - last_label >= 56:
            last_label = x
            anchor = "end" if x > width - 40 else "middle"
            inside.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="{anchor}">{escape(point.label)}</text>')
    for series, line in enumerate(lines, 1):
        for point in line:
            if point.tip:
                x, y = x_of(point.x), _y(point.y, top, height)
                inside.append(
                    f'{_tip(point.tip)}<circle class="k-hit" cx="{x:.1f}" cy="{y:.1f}" r="11"/>'
                    f'<circle data-anchor class="k-s{series}" cx="{x:.1f}" cy="{y:.1f}" r="3"/></g>'
                )
    return _frame(width, height, title, inside)


def share(part: Decimal | int, whole: Decimal | int) -> int:
    """Percent of a meter, 0 to 100."""
    return min(100, max(0, round(100 * part / whole))) if whole else 0
