"""Confirming addresses and choosing passwords over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from portal_api.http.client import client_of
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.user import Origin
from portal_api.identity.entrypoints.schemas import (
    EmailChange,
    LinkToken,
    MailSent,
    PasswordChange,
    PasswordReset,
    PasswordResetRequest,
    UserView,
)
from portal_api.identity.use_cases.email_proofs import EmailProofs
from portal_api.identity.use_cases.passwords import Passwords


def add(router: APIRouter, http: HttpDependencies, proofs: EmailProofs, passwords: Passwords) -> None:
    """Their routes."""
    _add_email_routes(router, http, proofs, passwords)
    _add_password_routes(router, http, proofs, passwords)


def _add_email_routes(router: APIRouter, http: HttpDependencies, proofs: EmailProofs, passwords: Passwords) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/email-verifications",
        operation_id="request_email_verification",
        summary="Send the confirmation mail again",
        description="Earlier links stop working. Nothing is sent to an address that is confirmed.",
        status_code=202,
        responses=problems(401, 403, 429),
    )
    async def request_email_verification(actor: current) -> MailSent:
        async with http.uow.transaction() as session:
            await proofs.request_verification(session, actor)
        return MailSent()

    @router.post(
        "/email-verifications/confirm",
        operation_id="confirm_email",
        summary="Confirm an e-mail address",
        description="With the token of the mail's link; nobody needs to be signed in. Works once.",
        responses=problems(422, 429),
    )
    async def confirm_email(body: LinkToken, request: Request) -> UserView:
        return UserView.of(await passwords.verify_email(token=body.token, origin=Origin(*client_of(request))))

    @router.post(
        "/users/me/email",
        operation_id="change_email",
        summary="Use another e-mail address",
        description="Sends a mail to the new address; the old one stays until its link is followed. The answer is the "
        "same when the address is somebody else's.",
        status_code=202,
        responses=problems(401, 403, 409, 422, 429),
    )
    async def change_email(body: EmailChange, actor: current) -> MailSent:
        await passwords.request_email_change(actor, email=body.email, password=body.password)
        return MailSent()


def _add_password_routes(router: APIRouter, http: HttpDependencies, proofs: EmailProofs, passwords: Passwords) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/password-resets",
        operation_id="request_password_reset",
        summary="Ask for a new password",
        description="The answer is the same whether there is an account or not; the mail tells.",
        status_code=202,
        responses=problems(422, 429),
    )
    async def request_password_reset(body: PasswordResetRequest, request: Request) -> MailSent:
        async with http.uow.transaction() as session:
            await proofs.request_reset(session, email=body.email, origin=Origin(*client_of(request)))
        return MailSent()

    @router.post(
        "/password-resets/confirm",
        operation_id="reset_password",
        summary="Choose a new password",
        description="With the token of the mail's link. Ends all sessions; confirms the address.",
        status_code=204,
        responses=problems(422, 429),
    )
    async def reset_password(body: PasswordReset, request: Request) -> None:
        await passwords.reset(
            token=body.token,
            password=body.password,
            origin=Origin(*client_of(request)),
            revoke_tokens=body.revoke_personal_access_tokens,
        )

    @router.put(
        "/users/me/password",
        operation_id="change_password",
        summary="Change my password",
        description="Ends all other sessions.",
        status_code=204,
        responses=problems(401, 403, 409, 422, 429),
    )
    async def change_password(body: PasswordChange, actor: current, request: Request) -> None:
        await passwords.change(
            actor, current=body.current_password, new=body.new_password, origin=Origin(*client_of(request))
        )
