"""Admin > Members: roles, invitations, leaving; and Admin > Audit Log."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from portal_api.audit.domain.entry import Action, Filter
from portal_api.audit.use_cases import AuditLog
from portal_api.identity.domain.access import MAY, ROLES, Role
from portal_api.organizations.use_cases import Organizations
from portal_api.organizations.use_cases.invitations import Invitations
from portal_api.organizations.use_cases.members import Members
from portal_api.web.console.place import Places
from portal_api.web.kit.audit_text import ACTION_NAMES, KIND_NAMES
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

MAX_LISTED = 200
PAGE = 50


@dataclass(frozen=True, slots=True)
class MemberPages:
    """The use cases that the pages call."""

    organizations: Organizations
    members: Members
    invitations: Invitations
    log: AuditLog


def add_pages(router: APIRouter, kit: Kit, places: Places, deps: MemberPages) -> None:
    """All of them."""
    _members(router, kit, places, deps)
    _invitations(router, kit, places, deps)
    _audit(router, kit, places, deps)


async def _page(
    request: Request, organization: str, viewer: Viewer, kit: Kit, places: Places, deps: MemberPages, form: Form
) -> Response:
    async with kit.http.uow.transaction() as session:
        place = await places.at(session, viewer.user, organization)
        members = await deps.organizations.list_members(
            session, viewer.user, organization, limit=MAX_LISTED, after=None
        )
        invited = (
            await deps.invitations.listed(session, viewer.user, organization, limit=MAX_LISTED, after=None)
            if place.is_admin
            else []
        )
    return kit.page(
        request,
        viewer,
        "console/members.html",
        status=form.problem.status if form.problem else 422 if form.errors else 200,
        place=place,
        members=members,
        invited=invited,
        roles=[(role, role.capitalize()) for role in ROLES],
        may=MAY,
        choices=[(role, role.capitalize(), MAY[role]) for role in ROLES],
        form=form,
    )


def _members(router: APIRouter, kit: Kit, places: Places, deps: MemberPages) -> None:
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/members")
    async def members(request: Request, organization: str, viewer: signed_in) -> Response:
        return await _page(request, organization, viewer, kit, places, deps, Form.of(role="publisher"))

    @router.post("/console/{organization}/members/{user_id}/role")
    async def change_role(request: Request, organization: str, user_id: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        role = form.text("role")
        try:
            async with kit.http.uow.transaction() as session:
                changed = await deps.members.change_role(session, viewer.user, organization, user_id, _role(role))
        except DomainError as error:
            if error.status in (403, 404):
                raise
            form.fail(error)
            return await _page(request, organization, viewer, kit, places, deps, form)
        return kit.redirect(f"/console/{organization}/members", flash=f"{changed.name} is {changed.role} now.")

    @router.post("/console/{organization}/members/{user_id}/remove")
    async def remove(request: Request, organization: str, user_id: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        try:
            async with kit.http.uow.transaction() as session:
                await deps.members.remove(session, viewer.user, organization, user_id)
        except DomainError as error:
            if error.status in (403, 404):
                raise
            form.fail(error)
            return await _page(request, organization, viewer, kit, places, deps, form)
        if user_id == viewer.user.user_id:
            return kit.redirect("/console", flash="You left the organization.")
        return kit.redirect(f"/console/{organization}/members", flash="The member is removed.")


def _invitations(router: APIRouter, kit: Kit, places: Places, deps: MemberPages) -> None:
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/invitations")
    async def invite(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        email = form.text("email", label="E-mail", required=True, max_length=254)
        if "@" not in email[1:-1]:
            form.errors.setdefault("email", "This is not an e-mail address.")
        try:
            async with kit.http.uow.transaction() as session:
                # Membership first: a stranger learns nothing from a form's faults.
                await places.at(session, viewer.user, organization)
                if not form.errors:
                    await deps.invitations.invite(
                        session, viewer.user, organization, email=email, role=_role(form.text("role"))
                    )
                    return kit.redirect(f"/console/{organization}/members", flash=f"A mail is on its way to {email}.")
        except DomainError as error:
            if error.problem == "insufficient-role" or error.status == 404:
                raise
            form.fail(error)
        return await _page(request, organization, viewer, kit, places, deps, form)

    @router.post("/console/{organization}/invitations/{invitation_id}/revoke")
    async def revoke(request: Request, organization: str, invitation_id: str, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            await deps.invitations.revoke(session, viewer.user, organization, invitation_id)
        return kit.redirect(f"/console/{organization}/members", flash="The invitation is revoked.")


def _audit(router: APIRouter, kit: Kit, places: Places, deps: MemberPages) -> None:
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/audit-log")
    async def audit_log(
        request: Request,
        organization: str,
        viewer: signed_in,
        target_type: str = "",
        action: str = "",
        actor_id: str = "",
        after: str | None = None,
    ) -> Response:
        wanted = Filter(
            target_type=target_type or None,
            action=cast(Action, action) if action in ACTION_NAMES else None,
            actor_id=actor_id or None,
        )
        async with kit.http.uow.transaction() as session:
            place = await places.at(session, viewer.user, organization)
            entries = await deps.log.of_organization(
                session, viewer.user, organization, wanted, after=after, limit=PAGE + 1
            )
            members = await deps.organizations.list_members(
                session, viewer.user, organization, limit=MAX_LISTED, after=None
            )
        return kit.page(
            request,
            viewer,
            "console/audit_log.html",
            place=place,
            entries=entries[:PAGE],
            following=entries[PAGE - 1].id if len(entries) > PAGE else "",
            form=Form.of(target_type=target_type, action=action, actor_id=actor_id),
            targets=[("", "Everything"), *KIND_NAMES.items()],
            actions=[("", "Every change"), *ACTION_NAMES.items()],
            people=[("", "Everybody"), *((one.user_id, one.name) for one in members)],
            filtered=bool(target_type or action or actor_id or after),
        )


def _role(text: str) -> Role:
    if text not in ROLES:
        raise DomainError("invalid-request", 422, "The request is not valid", "Choose a role.", "role")
    return text
