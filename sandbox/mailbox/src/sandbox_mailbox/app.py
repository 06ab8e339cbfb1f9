"""The page, and the same for programs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel

from sandbox_mailbox.mails import Mailbox, smtp_protocol

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
# A mail's HTML is shown in a frame that may run nothing; its links open in the whole window.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'"
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-top-navigation-by-user-activation"
)


class Refusal(BaseModel):
    """A recipient that answers with an SMTP code from now on; 0 takes it back."""

    address: str
    code: int


def create_app(mailbox: Mailbox, *, smtp_host: str, smtp_port: int) -> FastAPI:
    """The HTTP application; it runs the SMTP server beside itself."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: smtp_protocol(mailbox), smtp_host, smtp_port)
        async with server:
            yield

    app = FastAPI(title="Sandbox mailbox", docs_url=None, redoc_url=None, lifespan=lifespan)

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    @app.get("/")
    async def page(to: str | None = None) -> HTMLResponse:
        html = _templates.get_template("page.html").render(mails=mailbox.newest(to), to=to, smtp_port=smtp_port)
        return HTMLResponse(html, headers={"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-store"})

    @app.get("/mails/{number}")
    async def mail(number: int) -> Response:
        found = next((one for one in mailbox.mails if one.number == number), None)
        if found is None:
            raise HTTPException(404)
        html = found.html.replace("<head>", '<head><base target="_top">', 1) or f"<pre>{escape(found.text)}</pre>"
        return HTMLResponse(html, headers={"Content-Security-Policy": _MAIL_POLICY})

    @app.get("/mails.json")
    async def listed(to: str | None = None) -> list[dict[str, Any]]:
        return [one.as_json() for one in mailbox.newest(to)]

    @app.post("/_admin/refuse")
    async def refuse(refusal: Refusal) -> dict[str, int]:
        mailbox.refused[refusal.address.lower()] = refusal.code
        return mailbox.refused

    return app
