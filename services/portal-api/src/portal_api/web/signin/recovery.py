"""What links in mails lead to: confirming an address, choosing a password. Following a link changes nothing by itself:
mail scanners follow links too, so a button does."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.http.client import client_of
from portal_api.identity.domain.user import Origin
from portal_api.identity.use_cases.email_proofs import NO_LOOKS, EmailProofs
from portal_api.identity.use_cases.passwords import Passwords
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import Kit, local_path
from portal_api.web.kit.viewer import Viewer
from portal_api.web.signin.portal_looks import portal_looks
from shared.errors import DomainError


def add_pages(router: APIRouter, kit: Kit, proofs: EmailProofs, passwords: Passwords, brandings: Brandings) -> None:
    """All of them."""
    _verify(router, kit, proofs, passwords)
    _forgot(router, kit, proofs, brandings)
    _reset(router, kit, passwords)


def _verify(router: APIRouter, kit: Kit, proofs: EmailProofs, passwords: Passwords) -> None:
    anybody = Annotated[Viewer, Depends(kit.anybody())]
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/verify-email")
    async def verify_page(request: Request, viewer: anybody, token: str = "") -> Response:
        return kit.page(request, viewer, "signin/verify_email.html", form=Form.of(token=token))

    @router.post("/verify-email")
    async def verify(request: Request, viewer: anybody) -> Response:
        form = await kit.form(request, viewer, of_session=False)
        try:
            user = await passwords.verify_email(token=form.raw("token"), origin=Origin(*client_of(request)))
        except DomainError as error:
            form.fail(error)
            return kit.page(request, viewer, "signin/verify_email.html", status=error.status, form=form)
        return kit.redirect("/", flash=f"{user.email} is confirmed.")

    @router.post("/account/verification")
    async def send_again(request: Request, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            await proofs.request_verification(session, viewer.user)
        return kit.redirect("/account", flash=f"A mail is on its way to {viewer.user.email}.")


def _forgot(router: APIRouter, kit: Kit, proofs: EmailProofs, brandings: Brandings) -> None:
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    async def page(request: Request, viewer: Viewer, form: Form, *, sent: str = "", status: int = 200) -> Response:
        async with kit.http.uow.transaction() as session:
            portal = await portal_looks(session, brandings, local_path(form.text("next") or "/"))
        return kit.page(
            request, viewer, "signin/forgot_password.html", status=status, form=form, sent=sent, portal=portal
        )

    @router.get("/forgot-password")
    async def forgot_page(
        request: Request,
        viewer: anybody,
        email: str = "",
        next: str = "/",  # noqa: A002
    ) -> Response:
        return await page(request, viewer, Form.of(email=email, next=local_path(next)))

    @router.post("/forgot-password")
    async def forgot(request: Request, viewer: anybody) -> Response:
        form = await kit.form(request, viewer, of_session=False)
        email = form.text("email", label="E-mail", required=True, max_length=254)
        if "@" not in email[1:-1]:
            form.errors.setdefault("email", "This is not an e-mail address.")
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    portal = await portal_looks(session, brandings, local_path(form.text("next") or "/"))
                    looks = portal.mail_values(proofs.public_url) if portal else NO_LOOKS
                    await proofs.request_reset(session, email=email, origin=Origin(*client_of(request)), looks=looks)
                return await page(request, viewer, form, sent=email)
            except DomainError as error:
                form.fail(error)
        return await page(request, viewer, form, status=422)


def _reset(router: APIRouter, kit: Kit, passwords: Passwords) -> None:
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/reset-password")
    async def reset_page(request: Request, viewer: anybody, token: str = "") -> Response:
        return kit.page(request, viewer, "signin/reset_password.html", form=Form.of(token=token))

    @router.post("/reset-password")
    async def reset(request: Request, viewer: anybody) -> Response:
        form = await kit.form(request, viewer, of_session=False)
        try:
            await passwords.reset(
                token=form.raw("token"),
                password=form.raw("password"),
                origin=Origin(*client_of(request)),
                revoke_tokens=form.flag("revoke_tokens"),
            )
        except DomainError as error:
            form.fail(error)
            return kit.page(request, viewer, "signin/reset_password.html", status=error.status, form=form)
        answer = kit.redirect("/sign-in", flash="Your password is changed. Sign in with the new one.")
        answer.delete_cookie(kit.session_cookie, path="/")
        return answer
