"""From an active subscription to the first answered call: credentials, token and code on one page."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.domain.application import Application
from portal_api.applications.domain.credentials import OAuthClient
from portal_api.applications.use_cases.applications import Applications
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.oauth.use_cases import AuthorizationServer
from portal_api.web.kit.pages import Kit, content_policy
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.catalogue import CatalogueDeps, api_view, origin_of
from portal_api.web.portal.samples import first_path
from portal_api.web.portal.subscribing import actor_of
from shared.clock import real_now


@dataclass(frozen=True, slots=True)
class FirstCallDeps:
    """What these pages need."""

    catalogue: CatalogueDeps
    applications: Applications
    credentials: Credentials
    server: AuthorizationServer
    subscriptions: Subscriptions

    @property
    def kit(self) -> Kit:
        """The one of all pages."""
        return self.catalogue.kit


def add_pages(router: APIRouter, deps: FirstCallDeps) -> None:
    """All of them."""
    _first_call(router, deps)
    _live(router, deps)
    _reference_token(router, deps)


def _first_call(router: APIRouter, deps: FirstCallDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/portal/{organization}/subscriptions/{subscription}/first-call")
    async def first_call(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        """The answer itself shows the secrets: they are in no address and nowhere else."""
        await kit.form(request, viewer)
        actor = actor_of(viewer)
        async with kit.http.uow.transaction() as session:
            place = await deps.catalogue.places.at(session, viewer, organization)
            row = await deps.subscriptions.owned(session, subscription, actor.user_id)
            application = await deps.applications.owned(session, row.application_id, actor.user_id, lock=True)
            client, secret = await _client(session, deps, application)
            token = await deps.server.generate_token(session, application, client.id)
            view = await api_view(session, deps.catalogue, viewer, organization, row.api_id)
            counted = await deps.catalogue.billing.counted(session, row.id)
        url = view.offer.gateway_url + first_path(view.operations)
        return kit.page(
            request, viewer, "portal/first_call.html", place=place, view=view, row=row, application=application,
            client=client, secret=secret, token=token.access_token, url=url, counted=counted,
            expires_at=real_now() + timedelta(seconds=token.expires_in_seconds),
            policy=content_policy(connect=origin_of(view.offer.gateway_url)),
        )  # fmt: skip


async def _client(
    session: AsyncSession, deps: FirstCallDeps, application: Application
) -> tuple[OAuthClient, str | None]:
    """The application's newest live client; its secret only if it had to be made."""
    live = [
        one
        for one in await deps.credentials.clients(session, application)
        if one.status == "active" and one.environment == "production"
    ]
    if live:
        return live[-1], None
    return await deps.credentials.create_client(session, application, "production")


def _live(router: APIRouter, deps: FirstCallDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/portal/{organization}/subscriptions/{subscription}/first-call/live")
    async def live(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        actor = actor_of(viewer)
        async with kit.http.uow.transaction() as session:
            place = await deps.catalogue.places.at(session, viewer, organization)
            row = await deps.subscriptions.owned(session, subscription, actor.user_id)

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                counted = await deps.catalogue.billing.counted(session, row.id)
            return kit.fragment(viewer, "portal/first_call_state.html", place=place, row=row, counted=counted)

        return kit.live.stream(request, render, {subscription})


def _reference_token(router: APIRouter, deps: FirstCallDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/portal/{organization}/apis/{api}/reference/token")
    async def reference_token(request: Request, organization: str, api: str, viewer: signed_in) -> dict[str, str | int]:
        """For the reference's try-it, fetched by the page's script: a token of the subscription's application."""
        form = await kit.form(request, viewer)
        actor = actor_of(viewer)
        async with kit.http.uow.transaction() as session:
            row = await deps.subscriptions.owned(session, form.text("subscription"), actor.user_id)
            application = await deps.applications.owned(session, row.application_id, actor.user_id, lock=True)
            client, _ = await _client(session, deps, application)
            token = await deps.server.generate_token(session, application, client.id)
        return {"access_token": token.access_token, "expires_in": token.expires_in_seconds}
