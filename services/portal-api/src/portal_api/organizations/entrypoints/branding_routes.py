"""How an organization's Developer Portal looks, over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.identity.domain.access import Actor
from portal_api.organizations.domain.branding import (
    MAX_LOGO_BYTES,
    MAX_NAME,
    MAX_PAGE_CHARACTERS,
    Branding,
    PageName,
    accents,
)
from portal_api.organizations.use_cases.branding import Brandings
from shared.errors import DomainError

_COLOUR = r"^#[0-9A-Fa-f]{6}$"
_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_LOGO_BODY = {
    "requestBody": {
        "required": True,
        "content": {"image/png": _PICTURE, "image/jpeg": _PICTURE, "image/webp": _PICTURE},
    }
}


class BrandingChange(BaseModel):
    """All of it at once: what is left out is Tollway's own."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"portal_name": "Acme APIs", "accent_light": "#0f766e", "accent_dark": None}]}
    )

    portal_name: str | None = Field(default=None, max_length=MAX_NAME * 4, description="Instead of the organization's.")
    accent_light: str | None = Field(default=None, pattern=_COLOUR, description="Contrast of 4.5 : 1 or more.")
    accent_dark: str | None = Field(
        default=None, pattern=_COLOUR, description="If left out, the nearest readable shade of `accent_light`."
    )


class BrandPage(BaseModel):
    """A page of the portal. HTML in it is shown as text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"markdown": "# Who we are\n\nWe lend books."}]})

    markdown: str = Field(max_length=MAX_PAGE_CHARACTERS, description="Markdown; an empty text takes the page away.")


class BrandingView(BaseModel):
    """A branding as members see it."""

    portal_name: str | None
    accent_light: str | None = Field(description="As chosen.")
    accent_dark: str | None = Field(description="As chosen.")
    shown_accent_light: str | None = Field(description="As pages use it; null for Tollway's own.")
    shown_accent_dark: str | None = Field(description="As pages use it; null for Tollway's own.")
    logo_url: str | None
    pages: list[PageName] = Field(description="Those that have a text.")
    updated_at: datetime | None


def create_router(http: HttpDependencies, brandings: Brandings) -> APIRouter:
    """The routes; `{organization}` is an id or an identifier."""
    router = APIRouter(prefix="/v1/organizations/{organization}/branding", tags=["Organizations"])
    _add_branding(router, http, brandings)
    _add_logo(router, http, brandings)
    _add_pages(router, http, brandings)
    return router


def _view(branding: Branding, http: HttpDependencies, organization: str) -> BrandingView:
    shown = accents(branding.accent_light, branding.accent_dark)
    logo = f"{http.base_url}/portal/{organization}/logo.png?v={branding.logo_version}"
    return BrandingView(
        portal_name=branding.portal_name,
        accent_light=branding.accent_light,
        accent_dark=branding.accent_dark,
        shown_accent_light=str(shown[0]) if shown else None,
        shown_accent_dark=str(shown[1]) if shown else None,
        logo_url=logo if branding.logo_version else None,
        pages=list(branding.pages),
        updated_at=branding.updated_at,
    )


def _add_branding(router: APIRouter, http: HttpDependencies, brandings: Brandings) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get("", operation_id="get_branding", summary="How the Developer Portal looks", responses=problems(401, 404))
    async def get_branding(organization: str, actor: current) -> BrandingView:
        async with http.uow.transaction() as session:
            return _view(await brandings.read(session, actor, organization), http, organization)

    @router.put(
        "",
        operation_id="set_branding",
        summary="Choose name and accent of the Developer Portal",
        description="A colour that text of it could not be read in is refused; the nearest readable shade is named.",
        responses=problems(401, 403, 404, 422),
    )
    async def set_branding(organization: str, body: BrandingChange, actor: current) -> BrandingView:
        async with http.uow.transaction() as session:
            changed = await brandings.change(session, actor, organization, **body.model_dump())
            return _view(changed, http, organization)


def _add_logo(router: APIRouter, http: HttpDependencies, brandings: Brandings) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.put(
        "/logo",
        operation_id="set_logo",
        summary="Upload the Developer Portal's logo",
        description=f"PNG, JPEG or WebP of at most {MAX_LOGO_BYTES // 1024} KB; it is written anew as PNG.",
        responses=problems(401, 403, 404, 413, 422),
        openapi_extra=_LOGO_BODY,
    )
    async def set_logo(organization: str, request: Request, actor: current) -> BrandingView:
        content = b""
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_LOGO_BYTES:
                detail = f"At most {MAX_LOGO_BYTES} bytes are read. Send a smaller picture."
                raise DomainError("payload-too-large", 413, "The picture is too large", detail)
        async with http.uow.transaction() as session:
            return _view(await brandings.set_logo(session, actor, organization, content), http, organization)

    @router.delete(
        "/logo",
        operation_id="delete_logo",
        summary="Take the logo away",
        status_code=204,
        responses=problems(401, 403, 404),
    )
    async def delete_logo(organization: str, actor: current) -> Response:
        async with http.uow.transaction() as session:
            await brandings.set_logo(session, actor, organization, None)
        return Response(status_code=204)


def _add_pages(router: APIRouter, http: HttpDependencies, brandings: Brandings) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/pages/{page}",
        operation_id="get_brand_page",
        summary="The text of a page of the Developer Portal",
        responses=problems(401, 404, 422),
    )
    async def get_brand_page(organization: str, page: PageName, actor: current) -> BrandPage:
        async with http.uow.transaction() as session:
            return BrandPage(markdown=(await brandings.read_pages(session, actor, organization))[page])

    @router.put(
        "/pages/{page}",
        operation_id="set_brand_page",
        summary="Write a page of the Developer Portal",
        responses=problems(401, 403, 404, 422),
    )
    async def set_brand_page(organization: str, page: PageName, body: BrandPage, actor: current) -> BrandingView:
        async with http.uow.transaction() as session:
            changed = await brandings.write_page(session, actor, organization, page, body.markdown)
            return _view(changed, http, organization)
