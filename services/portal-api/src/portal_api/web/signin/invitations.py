"""Where an invitation's link leads: what it offers, to whom, and the two answers."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from portal_api.http.client import client_of
from portal_api.identity.domain.access import MAY
from portal_api.identity.domain.user import Origin
from portal_api.identity.use_cases.email_proofs import EmailProofs
from portal_api.organizations.use_cases.invitations import Invitations
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer


def add_pages(router: APIRouter, kit: Kit, invitations: Invitations, proofs: EmailProofs) -> None:
    """All of them."""
    anybody = Annotated[Viewer, Depends(kit.anybody())]
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/invitations/accept")
    async def offer(request: Request, viewer: anybody, token: str = "") -> Response:
        origin = Origin(*client_of(request))
        async with kit.http.uow.transaction() as session:
            await proofs.limit_tokens(session, origin)
        async with kit.http.uow.transaction() as session:
            invitation, organization = await invitations.look_up(session, token)
            await proofs.was_good(session, origin)
        back = quote(f"/invitations/accept?token={token}", safe="")
        return kit.page(
            request,
            viewer,
            "signin/invitation.html",
            invitation=invitation,
            organization=organization,
            may=MAY[invitation.role],
            token=token,
            back=back,
        )

    @router.post("/invitations/accept")
    async def accept(request: Request, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            organization, role = await invitations.accept(session, viewer.user, form.raw("token"))
        return kit.redirect(f"/console/{organization.identifier}", flash=f"You are {role} of {organization.name}.")

    @router.post("/invitations/decline")
    async def decline(request: Request, viewer: anybody) -> Response:
        form = await kit.form(request, viewer, of_session=False)
        async with kit.http.uow.transaction() as session:
            await invitations.decline(session, form.raw("token"))
        return kit.redirect("/", flash="The invitation is declined.")
