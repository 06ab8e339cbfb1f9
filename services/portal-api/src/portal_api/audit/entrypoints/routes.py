"""The audit log over HTTP."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from portal_api.audit.domain.entry import Action, Entry, Filter
from portal_api.audit.use_cases import AuditLog
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor


class ActorView(BaseModel):
    """Who did it, as they were called then."""

    id: str | None
    name: str | None
    email: str | None
    kind: str = Field(description="`session`, `personal_access_token`, or `anonymous`.")
    credential_id: str | None = Field(description="The session or the token.")


class EntryView(BaseModel):
    """A change."""

    id: str = Field(examples=["aud_1017"])
    at: datetime
    actor: ActorView
    address: str = Field(description="The network address that the request came from.")
    user_agent: str
    operation: str = Field(description="The operation id of the request.", examples=["change_plan"])
    action: Action = Field(description="`ordered`: given to another service, whose answer comes later.")
    target_type: str = Field(examples=["plan"])
    target_id: str
    target_name: str | None
    before: dict[str, Any] = Field(description="What differs, as it was. Secrets are hidden.")
    after: dict[str, Any] = Field(description="What differs, as it is since.")
    trace_id: str | None

    @classmethod
    def of(cls, entry: Entry) -> "EntryView":
        """Of an entry."""
        actor = ActorView(
            id=entry.actor_id,
            name=entry.actor_name,
            email=entry.actor_email,
            kind=entry.actor_kind,
            credential_id=entry.credential_id,
        )
        return cls(
            id=entry.id,
            at=entry.at,
            actor=actor,
            address=entry.address,
            user_agent=entry.user_agent,
            operation=entry.operation,
            action=entry.action,
            target_type=entry.target_type,
            target_id=entry.target_id,
            target_name=entry.target_name,
            before=entry.before,
            after=entry.after,
            trace_id=entry.trace_id,
        )


@dataclass(frozen=True, slots=True)
class AuditRoutes:
    """What `main` hands over."""

    http: HttpDependencies
    log: AuditLog


def _filter(
    actor_id: Annotated[str | None, Query(max_length=100)] = None,
    target_type: Annotated[str | None, Query(max_length=40, examples=["plan"])] = None,
    target_id: Annotated[str | None, Query(max_length=100)] = None,
    action: Action | None = None,
    since: Annotated[AwareDatetime | None, Query(description="At or after.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before.")] = None,
) -> Filter:
    return Filter(
        actor_id=actor_id, target_type=target_type, target_id=target_id, action=action, since=since, until=until
    )


def create_router(deps: AuditRoutes) -> APIRouter:
    """Its routes."""
    router = APIRouter(prefix="/v1", tags=["Audit log"])
    current = Annotated[Actor, Depends(deps.http.current_actor)]

    @router.get(
        "/organizations/{organization}/audit-log",
        operation_id="list_audit_entries",
        summary="What was changed, by whom, from where",
        description="For admins; newest first. Entries are written with the change itself and never edited.",
        responses=problems(401, 403, 404, 422),
    )
    async def list_audit_entries(
        organization: str, actor: current, paging: PageQuery, wanted: Annotated[Filter, Depends(_filter)]
    ) -> Page[EntryView]:
        async with deps.http.uow.transaction() as session:
            rows = await deps.log.of_organization(
                session, actor, organization, wanted, after=paging.after, limit=paging.fetch
            )
        return paging.page(rows, EntryView.of, lambda row: row.id)

    @router.get(
        "/users/me/audit-log",
        operation_id="list_my_audit_entries",
        summary="What happened to my account",
        description="Sign-ins, passwords, tokens; newest first.",
        responses=problems(401, 422),
    )
    async def list_my_audit_entries(actor: current, paging: PageQuery) -> Page[EntryView]:
        async with deps.http.uow.transaction() as session:
            rows = await deps.log.of_my_account(session, actor, after=paging.after, limit=paging.fetch)
        return paging.page(rows, EntryView.of, lambda row: row.id)

    return router
