"""Pages for people: sign in, what a provider has, what a developer has, and the way back from Checkout."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.use_cases.applications import Applications
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.identity.domain.access import Actor
from portal_api.identity.use_cases import Identity, SignInRefused
from portal_api.organizations.use_cases import Organizations
from portal_api.web.rendering import STYLESHEET, page
from shared.errors import DomainError

MAX_FORM_BYTES = 8_192
MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class Pages:
    """What `main` hands over."""

    http: HttpDependencies
    identity: Identity
    organizations: Organizations
    catalog: CatalogReader
    applications: Applications
    credentials: Credentials
    subscriptions: Subscriptions
    billing: BillingReader
    session_cookie: str
    secure_cookies: bool


def create_router(deps: Pages) -> APIRouter:
    """All pages; none of them is part of the documented API."""
    router = APIRouter(include_in_schema=False)
    _sign_in(router, deps)
    _home(router, deps)
    _portal(router, deps)
    return router


def _sign_in(router: APIRouter, deps: Pages) -> None:
    http = deps.http

    @router.get("/assets/style.css")
    async def stylesheet() -> Response:
        return FileResponse(STYLESHEET, media_type="text/css", headers={"Cache-Control": "public, max-age=300"})

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await _form(request, http.base_url)
        address = request.client.host if request.client else ""
        async with http.uow.transaction() as session:
            result = await deps.identity.sign_in(
                session, email=form.get("email", ""), password=form.get("password", ""), address=address
            )
        target = _local_path(form.get("next", "/"))
        if isinstance(result, SignInRefused):
            error = f"{result.error.title}. {result.error.detail}"
            return page("sign_in.html", status=result.error.status, actor=None, error=error, next=target)
        answer = RedirectResponse(target, status_code=303)
        answer.set_cookie(
            deps.session_cookie, result.token, httponly=True, samesite="lax", secure=deps.secure_cookies, path="/"
        )
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request, actor: Actor | None = Depends(http.optional_actor)) -> Response:
        await _form(request, http.base_url)
        if actor is not None:
            async with http.uow.transaction() as session:
                await deps.identity.sign_out(session, actor)
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(deps.session_cookie, path="/")
        return answer


def _home(router: APIRouter, deps: Pages) -> None:
    http = deps.http

    @router.get("/")
    async def home(actor: Actor | None = Depends(http.optional_actor)) -> Response:
        if actor is None:
            return page("sign_in.html", actor=None, error=None, next="/")
        async with http.uow.transaction() as session:
            mine = await deps.organizations.list_mine(session, actor, limit=MAX_ROWS, after=None)
            sections = []
            for organization, role in mine:
                plans = await deps.catalog.list_plans(session, actor, organization.id, limit=MAX_ROWS, after=None)
                _, apis = await deps.catalog.published_apis(session, organization.id, limit=MAX_ROWS, after=None)
                sections.append({"organization": organization, "role": role, "plans": plans, "apis": apis})
        return page("home.html", actor=actor, sections=sections)


def _portal(router: APIRouter, deps: Pages) -> None:
    http = deps.http

    @router.get("/portal/{organization}")
    async def portal(organization: str, actor: Actor | None = Depends(http.optional_actor)) -> Response:
        try:
            async with http.uow.transaction() as session:
                found, apis = await deps.catalog.published_apis(session, organization, limit=MAX_ROWS, after=None)
                mine = await _of_developer(session, deps, found.id, actor) if actor else None
        except DomainError as error:
            return page("notice.html", status=error.status, actor=actor, title=error.title, text=error.detail, back="/")
        return page("portal.html", actor=actor, organization=found, apis=apis, mine=mine)

    @router.get("/portal/{organization}/checkout/{outcome}")
    async def checkout(organization: str, outcome: str, actor: Actor | None = Depends(http.optional_actor)) -> Response:
        if outcome == "return":
            title, text = "Thank you", "Stripe has your payment details. The subscription becomes active in a moment."
        else:
            title, text = "Not paid", "You left the checkout. The subscription waits for payment until it expires."
        back = f"/portal/{organization}"
        return page("notice.html", actor=actor, title=title, text=text, back=_local_path(back))


async def _of_developer(session: AsyncSession, deps: Pages, organization_id: str, actor: Actor) -> dict[str, Any]:
    applications = await deps.applications.listed(session, organization_id, actor.user_id, after=None, limit=MAX_ROWS)
    keys = {one.id: await deps.credentials.clients(session, one) for one in applications}
    rows = await deps.subscriptions.listed(
        session, organization_id, actor.user_id, application_id=None, after=None, limit=MAX_ROWS
    )
    return {
        "applications": applications,
        "clients": keys,
        "subscriptions": await deps.billing.named(session, rows),
        "checkouts": {row.id: await deps.subscriptions.checkout(session, row.id) for row in rows},
        "summary": await deps.billing.summary(session, organization_id, actor.user_id),
        "invoices": await deps.billing.invoices_of(session, organization_id, actor.user_id, after=None, limit=MAX_ROWS),
    }


async def _form(request: Request, base_url: str) -> dict[str, str]:
    """A form of our own pages: another site's cannot be sent here (login CSRF included)."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in (base_url, f"{request.url.scheme}://{request.url.netloc}"):
        raise DomainError("csrf-token-invalid", 403, "This form is not ours", "Open the page again and send it there.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise DomainError("payload-too-large", 413, "The form is too large", "Send less.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise DomainError("invalid-request", 422, "The form cannot be read", "Open the page again.") from error


def _local_path(target: str) -> str:
    """Only paths of ours: a redirect never leads elsewhere."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return target if target.isprintable() else "/"
