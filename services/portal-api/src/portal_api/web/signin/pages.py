"""Signing up, in and out, and the two texts that an organization's founder accepts."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from portal_api.http.client import client_of
from portal_api.http.problem_types import PROBLEM_TYPES
from portal_api.identity.domain.external import IdentityProvider
from portal_api.identity.domain.user import SESSION_LIFE, Origin
from portal_api.identity.use_cases.email_proofs import NO_LOOKS, EmailProofs
from portal_api.identity.use_cases.external import ExternalSignIn
from portal_api.identity.use_cases.sessions import Sessions, SignedIn
from portal_api.identity.use_cases.signing_in import SignIn
from portal_api.identity.use_cases.users import Identity
from portal_api.organizations.use_cases import Organizations
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.organizations.use_cases.invitations import Invitations
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import NOT_FOUND, Kit, local_path
from portal_api.web.kit.viewer import Viewer
from portal_api.web.signin import account, invitations, problem_pages, recovery
from portal_api.web.signin.account import AccountPages
from portal_api.web.signin.portal_looks import portal_looks
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class SignInPages:
    """What `main` hands over."""

    kit: Kit
    identity: Identity
    sign_in: SignIn
    sessions: Sessions
    organizations: Organizations
    external: ExternalSignIn
    account: AccountPages
    invitations: Invitations
    proofs: EmailProofs
    brandings: Brandings


def create_router(deps: SignInPages) -> APIRouter:
    """All of them."""
    router = deps.kit.router()
    _start(router, deps)
    _sign_in(router, deps)
    _sign_up(router, deps)
    _texts(router, deps)
    recovery.add_pages(router, deps.kit, deps.proofs, deps.account.passwords, deps.brandings)
    invitations.add_pages(router, deps.kit, deps.invitations, deps.proofs)
    account.add_pages(router, deps.account)
    problem_pages.add_pages(router, deps.kit)
    return router


def create_last_router(kit: Kit) -> APIRouter:
    """Under our pages' prefixes, whatever is not there is a page too. Must stand behind all other routers."""
    router = kit.router()
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    for prefix in ("console", "portal", "account"):

        @router.get(f"/{prefix}/{{rest:path}}")
        async def nothing(viewer: anybody, rest: str) -> Response:
            raise NOT_FOUND

    return router


def _start(router: APIRouter, deps: SignInPages) -> None:
    kit = deps.kit

    @router.get("/")
    async def start(request: Request, viewer: Annotated[Viewer, Depends(kit.anybody())]) -> Response:
        """A stranger signs in, everybody else is at home in the Console."""
        if viewer.actor is None:
            return await _sign_in_form(request, viewer, deps, Form.of(next="/"))
        return RedirectResponse("/console", status_code=303)


def _sign_in(router: APIRouter, deps: SignInPages) -> None:
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/sign-in")
    async def sign_in_page(
        request: Request,
        viewer: anybody,
        next: str = "/",  # noqa: A002
        problem: str = "",
    ) -> Response:
        if viewer.actor is not None and not problem:
            return RedirectResponse(local_path(next), status_code=303)
        form = Form.of(next=local_path(next))
        if problem in PROBLEM_TYPES:
            # What happened on the way back from an identity provider.
            kind = PROBLEM_TYPES[problem]
            form.problem = DomainError(problem, 403, kind.title, f"{kind.cause} {kind.cure}")
        return await _sign_in_form(request, viewer, deps, form)

    @router.post("/sign-in")
    async def sign_in(request: Request, viewer: anybody) -> Response:
        form = await kit.form(request, viewer, of_session=False)
        try:
            result = await deps.sign_in.with_password(
                email=form.text("email"), password=form.raw("password"), origin=Origin(*client_of(request))
            )
        except DomainError as error:
            form.fail(error)
            return await _sign_in_form(request, viewer, deps, form, status=error.status)
        return _entered(kit, result, form.text("next") or "/")

    @router.post("/sign-out")
    async def sign_out(request: Request, viewer: anybody) -> Response:
        await kit.form(request, viewer)
        if viewer.actor is not None:
            async with kit.http.uow.transaction() as session:
                await deps.sessions.sign_out(session, viewer.actor)
        answer = kit.redirect("/")
        answer.delete_cookie(kit.session_cookie, path="/")
        return answer


def _sign_up(router: APIRouter, deps: SignInPages) -> None:
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/sign-up")
    async def sign_up_page(
        request: Request,
        viewer: anybody,
        next: str = "/",  # noqa: A002
        email: str = "",
    ) -> Response:
        form = Form.of(next=local_path(next), email=email)
        return await _form_page(request, viewer, deps, "signin/sign_up.html", form, 200)

    @router.post("/sign-up")
    async def sign_up(request: Request, viewer: anybody) -> Response:
        form = await kit.form(request, viewer, of_session=False)
        name = form.text("name", label="Your name", required=True, max_length=200)
        email = form.text("email", label="E-mail", required=True, max_length=254)
        if "@" not in email[1:-1]:
            form.errors.setdefault("email", "This is not an e-mail address.")
        if not form.errors:
            origin = Origin(*client_of(request))
            try:
                async with kit.http.uow.transaction() as session:
                    await deps.identity.admit_sign_up(session, origin)
                async with kit.http.uow.transaction() as session:
                    portal = await portal_looks(session, deps.brandings, local_path(form.text("next") or "/"))
                    looks = portal.mail_values(deps.proofs.public_url) if portal else NO_LOOKS
                    user = await deps.identity.sign_up(
                        session, email=email, password=form.raw("password"), name=name, looks=looks
                    )
                    signed_in = await deps.sessions.open(session, user, origin)
                return _entered(kit, signed_in, form.text("next") or "/")
            except DomainError as error:
                form.fail(error)
        return await _form_page(request, viewer, deps, "signin/sign_up.html", form, 422)


async def _sign_in_form(
    request: Request, viewer: Viewer, deps: SignInPages, form: Form, *, status: int = 200
) -> Response:
    return await _form_page(request, viewer, deps, "signin/sign_in.html", form, status)


async def _form_page(
    request: Request, viewer: Viewer, deps: SignInPages, template: str, form: Form, status: int
) -> Response:
    async with deps.kit.http.uow.transaction() as session:
        portal = await portal_looks(session, deps.brandings, local_path(form.text("next") or "/"))
    return deps.kit.page(request, viewer, template, status=status, form=form, providers=_providers(deps), portal=portal)


def _providers(deps: SignInPages) -> list[IdentityProvider]:
    return list(deps.external.providers.values())


def _texts(router: APIRouter, deps: SignInPages) -> None:
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/privacy")
    async def privacy(request: Request, viewer: anybody) -> Response:
        return kit.page(request, viewer, "signin/privacy.html")

    @router.get("/terms")
    async def terms(request: Request, viewer: anybody) -> Response:
        return kit.page(request, viewer, "signin/terms.html")


def _entered(kit: Kit, signed_in: SignedIn, target: str) -> Response:
    answer = kit.redirect(local_path(target))
    answer.set_cookie(
        kit.session_cookie,
        signed_in.token,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=kit.secure_cookies,
        path="/",
    )
    return answer
