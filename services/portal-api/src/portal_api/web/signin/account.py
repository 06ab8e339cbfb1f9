"""One's own account: profile, access tokens, sessions, and what happened to it."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from portal_api.audit.use_cases import AuditLog
from portal_api.http.client import client_of
from portal_api.identity.domain.external import FLOW_COOKIE, FLOW_LIFE, FLOW_PATH
from portal_api.identity.domain.user import MAX_TOKEN_LIFE_DAYS, Origin, Scope
from portal_api.identity.use_cases.external import ExternalSignIn
from portal_api.identity.use_cases.passwords import Passwords
from portal_api.identity.use_cases.sessions import AccessTokens, Sessions
from portal_api.identity.use_cases.users import Identity
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

MAX_LISTED = 100
PAGE = 50
_LIVES = (("30", "30 days"), ("90", "90 days"), ("180", "180 days"), (str(MAX_TOKEN_LIFE_DAYS), "A year"))
_SCOPES = (
    ("write", "Read and change", "Everything that you may do yourself."),
    ("read", "Read only", "Looks at everything that you see, changes nothing."),
)


@dataclass(frozen=True, slots=True)
class AccountPages:
    """The use cases that the pages call."""

    kit: Kit
    identity: Identity
    sessions: Sessions
    tokens: AccessTokens
    passwords: Passwords
    external: ExternalSignIn
    log: AuditLog


def add_pages(router: APIRouter, deps: AccountPages) -> None:
    """All of them."""
    _profile(router, deps)
    _changes(router, deps)
    _elsewhere(router, deps)
    _tokens(router, deps)
    _sessions(router, deps)


async def _profile_page(
    request: Request,
    viewer: Viewer,
    deps: AccountPages,
    form: Form | None = None,
    *,
    about: str = "",
    status: int = 200,
) -> Response:
    async with deps.kit.http.uow.transaction() as session:
        user = await deps.identity.me(session, viewer.user)
        linked = await deps.external.linked(session, viewer.user)
    names = {provider.id: provider.name for provider in deps.external.providers.values()}
    return deps.kit.page(
        request,
        viewer,
        "signin/profile.html",
        status=status,
        user=user,
        form=form or Form.of(name=user.name),
        about=about,
        empty_form=Form.of,
        linked=linked,
        names=names,
        providers=[one for one in names.items() if one[0] not in {row.provider_id for row in linked}],
    )


def _profile(router: APIRouter, deps: AccountPages) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/account")
    async def profile(request: Request, viewer: signed_in) -> Response:
        return await _profile_page(request, viewer, deps)

    @router.post("/account")
    async def rename(request: Request, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        name = form.text("name", label="Your name", required=True, max_length=200)
        if form.errors:
            return await _profile_page(request, viewer, deps, form, about="name", status=422)
        async with kit.http.uow.transaction() as session:
            await deps.identity.rename(session, viewer.user, name)
        return kit.redirect("/account", flash="Saved.")


def _changes(router: APIRouter, deps: AccountPages) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/account/password")
    async def change_password(request: Request, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        try:
            await deps.passwords.change(
                viewer.user,
                current=form.raw("current_password"),
                new=form.raw("new_password"),
                origin=Origin(*client_of(request)),
            )
        except DomainError as error:
            form.fail(error, {"password": "new_password"})
            return await _profile_page(request, viewer, deps, form, about="password", status=error.status)
        return kit.redirect("/account", flash="Your password is changed, and other browsers are signed out.")

    @router.post("/account/email")
    async def change_email(request: Request, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        email = form.text("email", label="The new address", required=True, max_length=254)
        if "@" not in email[1:-1]:
            form.errors.setdefault("email", "This is not an e-mail address.")
        if not form.errors:
            try:
                await deps.passwords.request_email_change(viewer.user, email=email, password=form.raw("password"))
                return kit.redirect("/account", flash=f"Follow the link in the mail to {email}.")
            except DomainError as error:
                form.fail(error)
        return await _profile_page(request, viewer, deps, form, about="email", status=422)


def _elsewhere(router: APIRouter, deps: AccountPages) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/account/identities/{provider}/link")
    async def link(request: Request, provider: str, viewer: signed_in) -> Response:
        """By a form, then by a link: a form may not lead to another site, and a link alone could be a stranger's."""
        await kit.form(request, viewer)
        departure = await deps.external.begin(
            provider, next_path="/account", origin=Origin(*client_of(request)), link_for=viewer.user
        )
        name = deps.external.providers[provider].name
        answer = kit.page(request, viewer, "signin/leave.html", url=departure.url, name=name)
        answer.set_cookie(
            FLOW_COOKIE,
            departure.browser_secret,
            max_age=int(FLOW_LIFE.total_seconds()),
            path=FLOW_PATH,
            secure=kit.secure_cookies,
            httponly=True,
            samesite="lax",
        )
        return answer

    @router.post("/account/identities/{identity_id}/unlink")
    async def unlink(request: Request, identity_id: str, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            await deps.external.unlink(session, viewer.user, identity_id)
        return kit.redirect("/account", flash="It can no longer sign you in.")


def _tokens(router: APIRouter, deps: AccountPages) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    async def page(request: Request, viewer: Viewer, form: Form, *, token: str = "", status: int = 200) -> Response:
        async with kit.http.uow.transaction() as session:
            rows = await deps.tokens.list_mine(session, viewer.user, limit=MAX_LISTED, after=None)
        return kit.page(
            request,
            viewer,
            "signin/tokens.html",
            status=status,
            form=form,
            tokens=list(reversed(rows)),
            token=token,
            lives=_LIVES,
            scopes=_SCOPES,
            api=kit.http.base_url,
        )

    @router.get("/account/tokens")
    async def tokens(request: Request, viewer: signed_in) -> Response:
        return await page(request, viewer, Form.of(expires_in_days="90", scope="write"))

    @router.post("/account/tokens")
    async def create(request: Request, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        name = form.text("name", label="The name", required=True, max_length=100)
        days = form.integer("expires_in_days", label="The life") or 90
        if not 1 <= days <= MAX_TOKEN_LIFE_DAYS:
            form.errors.setdefault("expires_in_days", f"1 to {MAX_TOKEN_LIFE_DAYS} days.")
        scopes = ["read"] if form.text("scope") == "read" else ["read", "write"]
        if form.errors:
            return await page(request, viewer, form, status=422)
        async with kit.http.uow.transaction() as session:
            _, token = await deps.tokens.create(
                session, viewer.user, name=name, expires_in_days=days, scopes=[cast(Scope, one) for one in scopes]
            )
        return await page(request, viewer, Form.of(expires_in_days="90", scope="write"), token=token)

    @router.post("/account/tokens/{token_id}/revoke")
    async def revoke(request: Request, token_id: str, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            await deps.tokens.revoke(session, viewer.user, token_id)
        return kit.redirect("/account/tokens", flash="The token is revoked.")


def _sessions(router: APIRouter, deps: AccountPages) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/account/security")
    async def sessions(request: Request, viewer: signed_in, after: str | None = None) -> Response:
        async with kit.http.uow.transaction() as session:
            rows = await deps.sessions.list_mine(session, viewer.user, limit=MAX_LISTED, after=None)
            entries = await deps.log.of_my_account(session, viewer.user, after=after, limit=PAGE + 1)
        return kit.page(
            request,
            viewer,
            "signin/security.html",
            sessions=list(reversed(rows)),
            entries=entries[:PAGE],
            following=entries[PAGE - 1].id if len(entries) > PAGE else "",
            after=after or "",
        )

    @router.post("/account/sessions/{session_id}/end")
    async def end(request: Request, session_id: str, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            await deps.sessions.end(session, viewer.user, session_id)
        return kit.redirect("/account/security", flash="That browser is signed out.")

    @router.post("/account/sessions/end")
    async def end_all(request: Request, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            await deps.sessions.end_all(session, viewer.user, keep_this=True)
        return kit.redirect("/account/security", flash="All other browsers are signed out.")
