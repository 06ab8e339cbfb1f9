"""Manage Keys: consumer keys and secrets, access tokens, API keys; for Production and for Sandbox."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Request, Response

from portal_api.applications.domain.credentials import CredentialEnvironment
from portal_api.applications.use_cases.applications import Applications
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.oauth.use_cases import AuthorizationServer
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import NOT_FOUND, Kit
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.place import Places
from portal_api.web.portal.subscribing import actor_of
from shared.clock import real_now
from shared.errors import DomainError

# What a rotation offers; a leak's cure is the first.
GRACES = ((0, "At once (the secret leaked)"), (3_600, "In 1 hour"), (86_400, "In 24 hours"), (604_800, "In 7 days"))
ENVIRONMENTS = ("production", "sandbox")


@dataclass(frozen=True, slots=True)
class KeyDeps:
    """What these pages need."""

    kit: Kit
    places: Places
    applications: Applications
    credentials: Credentials
    server: AuthorizationServer


@dataclass(frozen=True, slots=True)
class Fresh:
    """What was made a moment ago, and is shown this once."""

    kind: Literal["client", "rotated", "token", "api_key"]
    id: str
    secret: str
    expires_at: datetime | None = None


@dataclass(slots=True)
class Shown:
    """What a page says beside the lists."""

    fresh: Fresh | None = None
    form: Form = field(default_factory=Form)
    status: int = 200


def add_pages(router: APIRouter, deps: KeyDeps) -> None:
    """All of them."""
    _look(router, deps)
    _make(router, deps)
    _token(router, deps)
    _change_client(router, deps)
    _change_key(router, deps)
    _lifetime(router, deps)


async def _page(
    request: Request, deps: KeyDeps, viewer: Viewer, organization: str, application: str, environment: str, shown: Shown
) -> Response:
    kit = deps.kit
    wanted = _environment(environment)
    async with kit.http.uow.transaction() as session:
        place = await deps.places.at(session, viewer, organization)
        found = await deps.applications.owned(session, application, actor_of(viewer).user_id)
        clients = [one for one in await deps.credentials.clients(session, found) if one.environment == wanted]
        keys = [one for one in await deps.credentials.keys(session, found) if one.environment == wanted]
    live, ended = _split(clients), _split(keys)
    return kit.page(
        request, viewer, "portal/keys.html", status=shown.status, place=place, application=found, environment=wanted,
        clients=live[0], keys=ended[0], revoked=len(live[1]) + len(ended[1]), fresh=shown.fresh, form=shown.form,
        token_url=f"{kit.http.base_url}/oauth2/token", graces=GRACES,
        defaults=Form.of(access_token_lifetime_seconds=found.access_token_lifetime_seconds),
    )  # fmt: skip


def _split(credentials: list[Any]) -> tuple[list[Any], list[Any]]:
    live = [one for one in credentials if one.status == "active"]
    return live, [one for one in credentials if one.status != "active"]


def _look(router: APIRouter, deps: KeyDeps) -> None:
    @router.get("/portal/{organization}/applications/{application}/keys/{environment}")
    async def look(
        request: Request,
        organization: str,
        application: str,
        environment: str,
        viewer: Annotated[Viewer, Depends(deps.kit.signed_in())],
    ) -> Response:
        return await _page(request, deps, viewer, organization, application, environment, Shown())


def _make(router: APIRouter, deps: KeyDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    base = "/portal/{organization}/applications/{application}/keys/{environment}"

    @router.post(base + "/clients")
    async def generate(
        request: Request, organization: str, application: str, environment: str, viewer: signed_in
    ) -> Response:
        """Generate Key: the answer itself shows the secret."""
        await kit.form(request, viewer)
        shown = Shown(status=201)
        try:
            async with kit.http.uow.transaction() as session:
                found = await deps.applications.owned(session, application, actor_of(viewer).user_id, lock=True)
                client, secret = await deps.credentials.create_client(session, found, _environment(environment))
            shown.fresh = Fresh("client", client.id, secret)
        except DomainError as error:
            shown = _refused(error)
        return await _page(request, deps, viewer, organization, application, environment, shown)

    @router.post(base + "/api-keys")
    async def create_key(
        request: Request, organization: str, application: str, environment: str, viewer: signed_in
    ) -> Response:
        await kit.form(request, viewer)
        shown = Shown(status=201)
        try:
            async with kit.http.uow.transaction() as session:
                found = await deps.applications.owned(session, application, actor_of(viewer).user_id, lock=True)
                key, secret = await deps.credentials.create_key(session, found, _environment(environment))
            shown.fresh = Fresh("api_key", key.id, secret)
        except DomainError as error:
            shown = _refused(error)
        return await _page(request, deps, viewer, organization, application, environment, shown)


def _token(router: APIRouter, deps: KeyDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/portal/{organization}/applications/{application}/keys/{environment}/clients/{client}/token")
    async def token(
        request: Request, organization: str, application: str, environment: str, client: str, viewer: signed_in
    ) -> Response:
        """Generate: a token without typing the secret."""
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            found = await deps.applications.owned(session, application, actor_of(viewer).user_id)
            issued = await deps.server.generate_token(session, found, client)
        expires_at = real_now() + timedelta(seconds=issued.expires_in_seconds)
        shown = Shown(Fresh("token", client, issued.access_token, expires_at), status=201)
        return await _page(request, deps, viewer, organization, application, environment, shown)


def _change_client(router: APIRouter, deps: KeyDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    base = "/portal/{organization}/applications/{application}/keys/{environment}"

    @router.post(base + "/clients/{client}/rotate")
    async def rotate(
        request: Request, organization: str, application: str, environment: str, client: str, viewer: signed_in
    ) -> Response:
        form = await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            found = await deps.applications.owned(session, application, actor_of(viewer).user_id, lock=True)
            rotated, secret = await deps.credentials.rotate_client(
                session, found, client, grace_seconds=form.integer("grace_seconds") or 0
            )
        shown = Shown(Fresh("rotated", rotated.id, secret, rotated.previous_valid_until))
        return await _page(request, deps, viewer, organization, application, environment, shown)

    @router.post(base + "/clients/{client}/{action}")
    async def change(
        request: Request, organization: str, application: str, environment: str, client: str, action: str,
        viewer: signed_in,
    ) -> Response:  # fmt: skip
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            found = await deps.applications.owned(session, application, actor_of(viewer).user_id, lock=True)
            match action:
                case "revoke":
                    await deps.credentials.revoke_client(session, found, client)
                    flash = "The key is revoked: its tokens end within moments."
                case "end-grace":
                    await deps.credentials.end_grace(session, found, client)
                    flash = "The old secret and its tokens have ended."
                case "revoke-tokens":
                    await deps.credentials.revoke_tokens(session, found, client)
                    flash = "The access tokens issued so far have ended; new ones can be generated."
                case _:
                    raise NOT_FOUND
        target = f"/portal/{organization}/applications/{application}/keys/{environment}"
        return kit.redirect(target, flash=flash)


def _change_key(router: APIRouter, deps: KeyDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    base = "/portal/{organization}/applications/{application}/keys/{environment}/api-keys/{key}"

    @router.post(base + "/rotate")
    async def rotate(
        request: Request, organization: str, application: str, environment: str, key: str, viewer: signed_in
    ) -> Response:
        form = await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            found = await deps.applications.owned(session, application, actor_of(viewer).user_id, lock=True)
            rotated, secret = await deps.credentials.rotate_key(
                session, found, key, grace_seconds=form.integer("grace_seconds") or 0
            )
        shown = Shown(Fresh("api_key", rotated.id, secret, rotated.previous_valid_until))
        return await _page(request, deps, viewer, organization, application, environment, shown)

    @router.post(base + "/revoke")
    async def revoke(
        request: Request, organization: str, application: str, environment: str, key: str, viewer: signed_in
    ) -> Response:
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            found = await deps.applications.owned(session, application, actor_of(viewer).user_id, lock=True)
            await deps.credentials.revoke_key(session, found, key)
        target = f"/portal/{organization}/applications/{application}/keys/{environment}"
        return kit.redirect(target, flash="The API key is revoked.")


def _lifetime(router: APIRouter, deps: KeyDeps) -> None:
    kit = deps.kit

    @router.post("/portal/{organization}/applications/{application}/keys/{environment}/lifetime")
    async def modify(
        request: Request,
        organization: str,
        application: str,
        environment: str,
        viewer: Annotated[Viewer, Depends(kit.signed_in())],
    ) -> Response:
        """Modify: Application Access Token Expiry Time."""
        form = await kit.form(request, viewer)
        seconds = form.integer("access_token_lifetime_seconds", label="The expiry time")
        if seconds is None and not form.errors:
            form.errors["access_token_lifetime_seconds"] = "The expiry time is needed."
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    await deps.applications.change(
                        session, application, actor_of(viewer).user_id, name=None, description=None,
                        access_token_lifetime_seconds=seconds,
                    )  # fmt: skip
                target = f"/portal/{organization}/applications/{application}/keys/{environment}"
                return kit.redirect(target, flash="Saved. It holds for tokens generated from now on.")
            except DomainError as error:
                form.fail(error)
        return await _page(request, deps, viewer, organization, application, environment, Shown(form=form, status=422))


def _refused(error: DomainError) -> Shown:
    if error.status == 404:
        raise error
    form = Form()
    form.fail(error)
    return Shown(form=form, status=error.status)


def _environment(name: str) -> CredentialEnvironment:
    if name not in ENVIRONMENTS:
        raise NOT_FOUND
    return cast(CredentialEnvironment, name)
