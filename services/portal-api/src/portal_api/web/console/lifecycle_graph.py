"""The lifecycle as a picture: drawn from the table of transitions, the present state filled."""

from markupsafe import Markup

from portal_api.catalog.domain.release import TRANSITIONS
from portal_api.web.kit.statuses import status_of
from shared.events.catalog import Lifecycle

_WIDTH, _HEIGHT = 112, 34
# Where each state stands: wide (left to right) and narrow (top to bottom). A test finds a state without a place.
WIDE: dict[Lifecycle, tuple[int, int]] = {
    "created": (8, 92),
    "pre_released": (150, 12),
    "published": (300, 92),
    "blocked": (300, 190),
    "deprecated": (470, 92),
    "retired": (640, 92),
}
NARROW: dict[Lifecycle, tuple[int, int]] = {
    "created": (20, 10),
    "pre_released": (178, 74),
    "published": (20, 140),
    "blocked": (178, 196),
    "deprecated": (20, 254),
    "retired": (20, 340),
}


def graph(present: Lifecycle) -> Markup:
    """Both drawings."""
    return Markup('<div class="k-chart k-graph">{}{}</div>').format(
        _draw(present, WIDE, (770, 240), "wide"), _draw(present, NARROW, (320, 386), "narrow")
    )


def _draw(present: Lifecycle, places: dict[Lifecycle, tuple[int, int]], size: tuple[int, int], name: str) -> Markup:
    edges = Markup("")
    for (start, _), end in TRANSITIONS.items():
        both = any(other == end and back == start for (other, _), back in TRANSITIONS.items())
        lit = " k-lit" if start == present else ""
        edges += _edge(places[start], places[end], lit, shift=9 if both else 0, marker=f"arrow-{name}")
    nodes = Markup("")
    for state, (x, y) in places.items():
        here = Markup(' data-here=""') if state == present else Markup("")
        nodes += Markup(
            '<g class="k-node"{}><rect x="{}" y="{}" width="{}" height="{}" rx="8"/>'
            '<text x="{}" y="{}" text-anchor="middle">{}</text></g>'
        ).format(
            here, x, y, _WIDTH, _HEIGHT, x + _WIDTH // 2, y + _HEIGHT // 2 + 4, status_of("lifecycle", state).label
        )
    return Markup(
        '<svg viewBox="0 0 {} {}" data-for="{}" role="img" aria-label="The lifecycle; the API is {}">'
        '<defs><marker id="arrow-{}" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse"'
        ' markerWidth="9" markerHeight="9"'
        ' orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker></defs>{}{}</svg>'
    ).format(*size, name, status_of("lifecycle", present).label, name, edges, nodes)


def _edge(start: tuple[int, int], end: tuple[int, int], lit: str, *, shift: int, marker: str) -> Markup:
    """From border to border; two that run against each other are moved apart."""
    (x1, y1), (x2, y2) = (_middle(start), _middle(end))
    across = abs(x2 - x1) / _WIDTH >= abs(y2 - y1) / (_HEIGHT * 2.2)
    if across:
        side = 1 if x2 > x1 else -1
        ends = (x1 + side * _WIDTH / 2, y1 - side * shift, x2 - side * (_WIDTH / 2 + 2), y2 - side * shift)
    else:
        side = 1 if y2 > y1 else -1
        ends = (x1 + side * shift, y1 + side * _HEIGHT / 2, x2 + side * shift, y2 - side * (_HEIGHT / 2 + 2))
    return Markup('<line class="k-edge{}" x1="{}" y1="{}" x2="{}" y2="{}" marker-end="url(#{})"/>').format(
        lit, *(round(one, 1) for one in ends), marker
    )


def _middle(place: tuple[int, int]) -> tuple[float, float]:
    return place[0] + _WIDTH / 2, place[1] + _HEIGHT / 2
