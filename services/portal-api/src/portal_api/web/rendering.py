"""Templates -> HTML answers with the headers that keep them harmless."""

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal_api.billing.use_cases.explaining import line_text, line_title
from portal_api.http.money_text import money

HERE = Path(__file__).parent
STYLESHEET = HERE / "static" / "style.css"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def _moment(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "–"


_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_templates.filters.update(moment=_moment)
_templates.globals.update(money=money, step=line_text, title=line_title)


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; everything in it is escaped."""
    return HTMLResponse(_templates.get_template(template).render(**values), status_code=status, headers=HEADERS)
