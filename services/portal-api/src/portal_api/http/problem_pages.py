"""`GET /problems/{name}`: what a problem's `type` leads to."""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from portal_api.http.problem_types import PROBLEM_TYPES
from shared.errors import DomainError

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} - Tollway</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/assets/tollway.css">
</head><body><main class="k-prose p-6">
<p><a href="/problems">All problems</a></p><h1>{title}</h1><p><code>{name}</code></p>
<h2>Cause</h2><p>{cause}</p><h2>Cure</h2><p>{cure}</p></main></body></html>"""
_LIST = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Problems - Tollway</title>
<link rel="stylesheet" href="/assets/tollway.css"></head><body><main class="k-prose p-6">
<h1>Problems</h1><ul>{items}</ul></main></body>
</html>"""


def create_router() -> APIRouter:
    """A page per problem type, and a list of them."""
    router = APIRouter(include_in_schema=False)

    @router.get("/problems")
    async def problem_list() -> HTMLResponse:
        items = "".join(
            f'<li><a href="/problems/{name}"><code>{name}</code></a> {escape(kind.title)}</li>'
            for name, kind in PROBLEM_TYPES.items()
        )
        return HTMLResponse(_LIST.format(items=items))

    @router.get("/problems/{name}")
    async def problem_page(name: str) -> HTMLResponse:
        kind = PROBLEM_TYPES.get(name)
        if kind is None:
            raise DomainError("not-found", 404, "No such problem type", "See /problems for all of them.")
        texts = {"title": kind.title, "name": name, "cause": kind.cause, "cure": kind.cure}
        return HTMLResponse(_PAGE.format(**{key: escape(text) for key, text in texts.items()}))

    return router
