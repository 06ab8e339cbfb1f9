"""Personal access tokens over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.identity.entrypoints.schemas import (
    PersonalAccessTokenCreate,
    PersonalAccessTokenCreated,
    PersonalAccessTokenView,
)
from portal_api.identity.use_cases.sessions import AccessTokens


def add(router: APIRouter, http: HttpDependencies, tokens: AccessTokens) -> None:
    """Their routes."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/personal-access-tokens",
        operation_id="create_personal_access_token",
        summary="Create a personal access token",
        description="Needs a session, not another token. The token is shown once; only its hash is kept.",
        status_code=201,
        response_model=PersonalAccessTokenCreated,
        responses=problems(401, 403, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_personal_access_token(
        body: PersonalAccessTokenCreate, actor: current, request: Request
    ) -> Response:
        async def create(session: AsyncSession) -> PersonalAccessTokenCreated:
            row, token = await tokens.create(
                session, actor, name=body.name, expires_in_days=body.expires_in_days, scopes=body.scopes
            )
            return PersonalAccessTokenCreated(**PersonalAccessTokenView.of(row).model_dump(), token=token)

        return await http.idempotency.create(request, actor.user_id, create)

    @router.get(
        "/personal-access-tokens",
        operation_id="list_personal_access_tokens",
        summary="List my personal access tokens",
        responses=problems(401, 422),
    )
    async def list_personal_access_tokens(actor: current, paging: PageQuery) -> Page[PersonalAccessTokenView]:
        async with http.uow.transaction() as session:
            rows = await tokens.list_mine(session, actor, limit=paging.fetch, after=paging.after)
        return paging.page(rows, PersonalAccessTokenView.of, lambda row: row.id)

    @router.delete(
        "/personal-access-tokens/{token_id}",
        operation_id="delete_personal_access_token",
        summary="Revoke a personal access token",
        status_code=204,
        responses=problems(401, 403, 404),
    )
    async def delete_personal_access_token(token_id: str, actor: current) -> None:
        async with http.uow.transaction() as session:
            await tokens.revoke(session, actor, token_id)
