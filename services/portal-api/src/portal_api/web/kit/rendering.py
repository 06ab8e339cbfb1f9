"""Templates: their environment, and what every one of them can call."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from portal_api.web.kit import audit_text, charts, formats
from portal_api.web.kit.assets import Assets
from portal_api.web.kit.browser_name import browser_name
from portal_api.web.kit.statuses import status_of
from portal_api.web.kit.viewer import Viewer
from shared.clock import Clock
from shared.events.catalog import PlanVersion

TEMPLATES = Path(__file__).parents[1] / "templates"


def environment(assets: Assets, clock: Clock) -> Environment:
    """Everything is escaped; a name that is not given is an error."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Else every page asks the disk for the age of each of its templates.
        auto_reload=False,
        cache_size=-1,
        extensions=["jinja2.ext.do", "jinja2.ext.i18n"],
    )
    # Texts are marked with {% trans %} where a translation may come; English is what is written.
    templates.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    templates.globals.update(asset=assets.address, icon=_icons(assets), status_of=status_of, charts=charts)
    templates.globals.update(model_names=formats.MODEL_NAMES, interval_names=formats.INTERVAL_NAMES)
    templates.filters.update(
        money=_money, price=_price, number=_number, compact=_compact, price_line=_price_line, limit_line=_limit_line
    )
    templates.filters.update(exact=_exact, percent=_percent, decimal=_decimal)
    templates.filters.update(audit_sentence=audit_text.sentence, audit_about=audit_text.about)
    templates.filters.update(audit_changes=audit_text.changes, browser_name=browser_name)
    templates.filters.update(moment=_moment, day=_day, ago=_ago(clock), initials=_initials)
    return templates


def _icons(assets: Assets) -> Any:
    @lru_cache(maxsize=512)
    def icon(name: str, classes: str = "") -> Markup:
        """An icon of icons.txt, beside a text: screen readers skip it."""
        return Markup(
            '<svg class="k-icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
            ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>'
        ).format(classes, Markup(assets.icons[name]))  # noqa: S704

    return icon


def _viewer(context: Context) -> Viewer:
    viewer: Viewer = context["viewer"]
    return viewer


@pass_context
def _money(context: Context, amount_minor: int, currency: str) -> str:
    return formats.money(amount_minor, currency, _viewer(context).locale)


@pass_context
def _price(context: Context, amount_minor: Decimal, currency: str) -> str:
    return formats.price(amount_minor, currency, _viewer(context).locale)


@pass_context
def _number(context: Context, value: int) -> str:
    return formats.number(value, _viewer(context).locale)


@pass_context
def _compact(context: Context, value: int) -> str:
    return formats.compact(value, _viewer(context).locale)


@pass_context
def _price_line(context: Context, version: PlanVersion) -> str:
    return formats.price_line(version, _viewer(context).locale)


@pass_context
def _limit_line(context: Context, version: PlanVersion) -> str:
    return formats.limit_line(version, _viewer(context).locale)


@pass_context
def _exact(context: Context, at: datetime) -> Markup:
    """Date and time to the second, in the viewer's zone: what "as of" says."""
    text = escape(formats.moment(at, _viewer(context)))
    return Markup(f'<time datetime="{formats.real_utc(at)}" data-style="exact">{text}</time>')  # noqa: S704


@pass_context
def _percent(context: Context, share: float) -> str:
    return formats.share(share, _viewer(context).locale)


@pass_context
def _decimal(context: Context, value: float) -> str:
    return formats.number(round(Decimal(value), 1).normalize(), _viewer(context).locale)


def _time(at: datetime, text: str, viewer: Viewer, style: str) -> Markup:
    exact, at_text = escape(formats.exact_moment(at, viewer)), formats.real_utc(at)
    tag = f'<time datetime="{at_text}" data-style="{style}" title="{exact}">{escape(text)}</time>'
    return Markup(tag)  # noqa: S704


@pass_context
def _moment(context: Context, at: datetime | None) -> Markup:
    """Date and time; exact on hover."""
    viewer = _viewer(context)
    return _time(at, formats.moment(at, viewer), viewer, "moment") if at else escape("–")


@pass_context
def _day(context: Context, at: datetime | None) -> Markup:
    """The date; exact on hover."""
    viewer = _viewer(context)
    return _time(at, formats.day(at, viewer), viewer, "date") if at else escape("–")


def _ago(clock: Clock) -> Any:
    @pass_context
    def ago(context: Context, at: datetime | None) -> Markup:
        """How long ago, by business time; exact on hover."""
        viewer = _viewer(context)
        if at is None:
            return escape("–")
        exact, text = escape(formats.exact_moment(at, viewer)), escape(formats.ago(at, clock.now(), viewer))
        return Markup(f'<time datetime="{formats.real_utc(at)}" title="{exact}">{text}</time>')  # noqa: S704

    return ago


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split()[:2])
