"""Charts as SVG, drawn on the server: readable without script, each part with a tooltip for pointer and keyboard.

Every chart is drawn twice, wide and narrow: an SVG that shrinks would shrink its text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10

from markupsafe import Markup

WIDE, NARROW = 880, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 8.0, 8.0, 22.0
Label = Callable[[float], str]
_HATCH = Markup(
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


def _both(draw: Callable[[int], Markup]) -> Markup:
    wide, narrow = draw(WIDE), draw(NARROW)
    return Markup('<div class="k-chart">{}{}</div>').format(wide, narrow)


def _frame(width: int, height: int, title: str, inside: Markup) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" data-for="{}" role="group" aria-label="{}">{}</svg>').format(
        width, height, "wide" if width == WIDE else "narrow", title, inside
    )


def _grid(top: float, width: int, height: int, label: Label) -> Markup:
    lines = Markup("")
    for step in range(5):
        value = top * step / 4
        if step in (1, 3) and top <= 2:
            continue
        y = _y(value, top, height)
        lines += Markup(
            '<line class="{}" x1="{:.0f}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>'
            '<text x="{:.0f}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format("k-axis" if step == 0 else "k-gridline", _LEFT, width - _RIGHT, y, y, _LEFT - 7, y + 4, label(value))
    return lines


def _y(value: float, top: float, height: int) -> float:
    return height - _BOTTOM - (height - _TOP - _BOTTOM) * value / top


def _bars(bars: Sequence[Bar], width: int, height: int, title: str, label: Label) -> Markup:
    top = nice_ceiling(max((sum(bar.parts) for bar in bars), default=0))
    room = (width - _LEFT - _RIGHT) / max(len(bars), 1)
    thick = min(room * 0.7, 34.0)
    every = ceil(len(bars) / max((width - _LEFT) // 72, 1)) if bars else 1
    inside = _grid(top, width, height, label)
    if any(bar.forecast for bar in bars):
        inside += _HATCH.format(width)
    for index, bar in enumerate(bars):
        left = _LEFT + room * index
        stack, below = Markup(""), 0.0
        for series, part in enumerate(bar.parts, 1):
            if part <= 0:
                continue
            y = _y(below + part, top, height)
            size = max(_y(below, top, height) - y, 1.0)
            below += part
            paint = (
                Markup('fill="url(#k-hatch-{})"').format(width)
                if bar.forecast
                else Markup('class="k-s{}"').format(series)
            )
            stack += Markup(
                '<rect data-anchor {} x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="{}"/>'
            ).format(paint, left + (room - thick) / 2, y, thick, size, 1.5)
        text = Markup("")
        if index % every == 0:
            text = Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                left + room / 2, height - 6, bar.label
            )
        inside += Markup(
            '<g data-tip="{}" tabindex="0" role="img" aria-label="{}">'
            '<rect class="k-hit" x="{:.1f}" y="{}" width="{:.1f}" height="{:.1f}"/>{}</g>{}'
        ).format(bar.tip, bar.tip.replace("\n", ", "), left, _TOP, room, height - _TOP - _BOTTOM, stack, text)
    return _frame(width, height, title, inside)


def _lines(lines: Sequence[Sequence[Point]], width: int, height: int, title: str, label: Label) -> Markup:
    points = [point for line in lines for point in line]
    top = nice_ceiling(max((point.y for point in points), default=0))
    low, high = min((p.x for p in points), default=0), max((p.x for p in points), default=1)
    room = width - _LEFT - _RIGHT - 12

    def x_of(x: float) -> float:
        return _LEFT + 6 + room * (x - low) / ((high - low) or 1)

    inside = _grid(top, width, height, label)
    for series, line in enumerate(lines, 1):
        path = " ".join(f"{x_of(p.x):.1f},{_y(p.y, top, height):.1f}" for p in line)
        inside += Markup('<polyline class="k-l{}" points="{}" fill="none" stroke-width="2"/>').format(series, path)
    last_label = -100.0
    for point in lines[0] if lines else ():
        x = x_of(point.x)
        if point.label and x - last_label >= 56:
            last_label = x
            anchor = "end" if x > width - 40 else "middle"
            inside += Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                x, height - 6, anchor, point.label
            )
    for series, line in enumerate(lines, 1):
        for point in line:
            if not point.tip:
                continue
            inside += Markup(
                '<g data-tip="{}" tabindex="0" role="img" aria-label="{}"><circle class="k-hit" cx="{:.1f}" cy="{:.1f}"'
                ' r="11"/><circle data-anchor class="k-s{}" cx="{:.1f}" cy="{:.1f}" r="3"/></g>'
            ).format(
                point.tip, point.tip.replace("\n", ", "), x_of(point.x), _y(point.y, top, height),
                series, x_of(point.x), _y(point.y, top, height),
            )  # fmt: skip
    return _frame(width, height, title, inside)


def share(part: Decimal | int, whole: Decimal | int) -> int:
    """Percent of a meter, 0 to 100."""
    return min(100, max(0, round(100 * part / whole))) if whole else 0
