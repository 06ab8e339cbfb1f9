"""Members and invitations over HTTP."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.http.client import client_of
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.user import Origin
from portal_api.identity.use_cases.email_proofs import EmailProofs
from portal_api.organizations.entrypoints.schemas import (
    InvitationCreate,
    InvitationOffer,
    InvitationToken,
    InvitationView,
    MemberChange,
    MemberView,
    OrganizationView,
    Transfer,
)
from portal_api.organizations.use_cases import Organizations
from portal_api.organizations.use_cases.invitations import Invitations
from portal_api.organizations.use_cases.members import Members


@dataclass(frozen=True, slots=True)
class MemberRoutes:
    """What `main` hands over."""

    http: HttpDependencies
    organizations: Organizations
    members: Members
    invitations: Invitations
    proofs: EmailProofs


def create_router(deps: MemberRoutes) -> APIRouter:
    """Routes of members and invitations."""
    router = APIRouter(prefix="/v1", tags=["Members"])
    _add_member_routes(router, deps)
    _add_transfer(router, deps)
    _add_invitation_routes(router, deps)
    _add_answers(router, deps)
    return router


def _add_member_routes(router: APIRouter, deps: MemberRoutes) -> None:
    http, members = deps.http, deps.members
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/organizations/{organization}/members",
        operation_id="list_members",
        summary="List members",
        responses=problems(401, 404, 422),
    )
    async def list_members(organization: str, actor: current, paging: PageQuery) -> Page[MemberView]:
        async with http.uow.transaction() as session:
            rows = await deps.organizations.list_members(
                session, actor, organization, limit=paging.fetch, after=paging.after
            )
        return paging.page(rows, MemberView.of, lambda row: row.user_id)

    @router.patch(
        "/organizations/{organization}/members/{user_id}",
        operation_id="change_member",
        summary="Give a member another role",
        responses=problems(401, 403, 404, 409, 422),
    )
    async def change_member(organization: str, user_id: str, body: MemberChange, actor: current) -> MemberView:
        async with http.uow.transaction() as session:
            return MemberView.of(await members.change_role(session, actor, organization, user_id, body.role))

    @router.delete(
        "/organizations/{organization}/members/{user_id}",
        operation_id="delete_member",
        summary="Remove a member, or leave",
        description="Everybody may leave; the last admin may not.",
        status_code=204,
        responses=problems(401, 403, 404, 409),
    )
    async def delete_member(organization: str, user_id: str, actor: current) -> None:
        async with http.uow.transaction() as session:
            await members.remove(session, actor, organization, user_id)


def _add_transfer(router: APIRouter, deps: MemberRoutes) -> None:
    current = Annotated[Actor, Depends(deps.http.current_actor)]

    @router.post(
        "/organizations/{organization}/transfer",
        operation_id="transfer_organization",
        summary="Hand the organization over",
        description="Another member becomes admin in your place; you stay as publisher.",
        responses=problems(401, 403, 404, 422),
    )
    async def transfer_organization(organization: str, body: Transfer, actor: current) -> MemberView:
        async with deps.http.uow.transaction() as session:
            return MemberView.of(await deps.members.transfer(session, actor, organization, body.user_id))


def _add_invitation_routes(router: APIRouter, deps: MemberRoutes) -> None:
    http, invitations = deps.http, deps.invitations
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/organizations/{organization}/invitations",
        operation_id="create_invitation",
        summary="Invite somebody by e-mail",
        description="Your own address must be confirmed. Inviting an address again sends a new link and ends the old.",
        status_code=201,
        response_model=InvitationView,
        responses=problems(401, 403, 404, 409, 422, 429),
        dependencies=[IDEMPOTENT],
    )
    async def create_invitation(
        organization: str, body: InvitationCreate, actor: current, request: Request
    ) -> Response:
        async def create(session: AsyncSession) -> InvitationView:
            row = await invitations.invite(session, actor, organization, email=body.email, role=body.role)
            return InvitationView.of(row)

        return await http.idempotency.create(request, actor.user_id, create)

    @router.get(
        "/organizations/{organization}/invitations",
        operation_id="list_invitations",
        summary="List open invitations",
        responses=problems(401, 403, 404, 422),
    )
    async def list_invitations(organization: str, actor: current, paging: PageQuery) -> Page[InvitationView]:
        async with http.uow.transaction() as session:
            rows = await invitations.listed(session, actor, organization, limit=paging.fetch, after=paging.after)
        return paging.page(rows, InvitationView.of, lambda row: row.id)

    @router.delete(
        "/organizations/{organization}/invitations/{invitation_id}",
        operation_id="delete_invitation",
        summary="Revoke an invitation",
        status_code=204,
        responses=problems(401, 403, 404),
    )
    async def delete_invitation(organization: str, invitation_id: str, actor: current) -> None:
        async with http.uow.transaction() as session:
            await invitations.revoke(session, actor, organization, invitation_id)


def _add_answers(router: APIRouter, deps: MemberRoutes) -> None:
    http, invitations = deps.http, deps.invitations
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/invitations/look-up",
        operation_id="look_up_invitation",
        summary="What does this invitation offer?",
        description="With the token of the mail's link; nobody needs to be signed in.",
        responses=problems(422, 429),
    )
    async def look_up_invitation(body: InvitationToken, request: Request) -> InvitationOffer:
        origin = Origin(*client_of(request))
        async with http.uow.transaction() as session:
            await deps.proofs.limit_tokens(session, origin)
        async with http.uow.transaction() as session:
            found = await invitations.look_up(session, body.token)
            await deps.proofs.was_good(session, origin)
            return InvitationOffer.of(*found)

    @router.post(
        "/invitations/accept",
        operation_id="accept_invitation",
        summary="Accept an invitation",
        description="As the user with the invited e-mail address, which this confirms.",
        responses=problems(401, 403, 409, 422),
    )
    async def accept_invitation(body: InvitationToken, actor: current) -> OrganizationView:
        async with http.uow.transaction() as session:
            return OrganizationView.of(*await invitations.accept(session, actor, body.token))

    @router.post(
        "/invitations/decline",
        operation_id="decline_invitation",
        summary="Decline an invitation",
        status_code=204,
        responses=problems(422, 429),
    )
    async def decline_invitation(body: InvitationToken, request: Request) -> None:
        async with http.uow.transaction() as session:
            await deps.proofs.limit_tokens(session, Origin(*client_of(request)))
        async with http.uow.transaction() as session:
            await invitations.decline(session, body.token)
