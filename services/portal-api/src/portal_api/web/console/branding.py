"""Admin > Settings > Branding: name, logo, accent and pages of the Developer Portal, with a preview in both themes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from portal_api.organizations.domain.branding import (
    MAX_LOGO_BYTES,
    MAX_PAGE_CHARACTERS,
    PAGE_TITLES,
    PAGES,
    Branding,
    Faults,
    accents,
    checked_colour,
    preview_sheet,
)
from portal_api.organizations.domain.colours import DARK, LIGHT, parse
from portal_api.web.console.place import Place
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import file_answer
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

# A character of a page may take four bytes, and three times as many in a form.
MAX_FORM_BYTES = MAX_LOGO_BYTES + len(PAGES) * MAX_PAGE_CHARACTERS * 4 + 64 * 1024
_COLOURS = (("accent_light", LIGHT), ("accent_dark", DARK))


def add_pages(router: APIRouter, console: Console) -> None:
    """The page, its preview, and saving."""
    _show(router, console)
    _preview(router, console)
    _save(router, console)


def _base(place: Place) -> str:
    return f"{place.base}/settings/branding"


def _show(router: APIRouter, console: Console) -> None:
    signed_in = Annotated[Viewer, Depends(console.kit.signed_in())]

    @router.get("/console/{organization}/settings/branding")
    async def branding_page(request: Request, organization: str, viewer: signed_in) -> Response:
        async with console.kit.http.uow.transaction() as session:
            branding = await console.brandings.read(session, viewer.user, organization)
            pages = await console.brandings.read_pages(session, viewer.user, organization)
        form = Form.of(
            portal_name=branding.portal_name or "",
            accent_light=branding.accent_light or "",
            accent_dark=branding.accent_dark or "",
            **{f"page_{page}": pages[page] for page in PAGES},
        )
        return await _page(console, request, viewer, organization, form)


def _preview(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    colour = Annotated[str, Query(max_length=7)]

    @router.get("/console/{organization}/settings/branding/preview")
    async def preview(
        organization: str,
        viewer: signed_in,
        portal_name: Annotated[str, Query(max_length=300)] = "",
        accent_light: Annotated[str, Query(max_length=40)] = "",
        accent_dark: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization)
            branding = await console.brandings.read(session, viewer.user, organization)
        form = Form.of(portal_name=portal_name, accent_light=accent_light, accent_dark=accent_dark)
        values = {"place": place, "branding": branding, "here": _base(place), **_preview_values(form)}
        return HTMLResponse(kit.fragment(viewer, "console/branding_preview.html", **values))

    @router.get("/console/{organization}/settings/branding/preview.css")
    async def sheet(
        request: Request, organization: str, viewer: signed_in, light: colour = "", dark: colour = ""
    ) -> Response:
        """The preview's colours: a style sheet, for pages have no inline styles."""
        await console.place(viewer, organization)
        shown = [str(found) if (found := parse(text)) else None for text in (light, dark)]
        return file_answer(request, preview_sheet(shown[0], shown[1]).encode(), "text/css; charset=utf-8")


def _save(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/settings/branding")
    async def save(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer, max_bytes=MAX_FORM_BYTES)
        place = await console.place(viewer, organization, role="admin")
        if form.text("action") == "preview":
            return await _page(console, request, viewer, organization, form)
        file = form.files.get("logo")
        content = await file.read() if file is not None else None
        at = ""
        try:
            async with kit.http.uow.transaction() as session:
                await console.brandings.change(
                    session,
                    viewer.user,
                    organization,
                    portal_name=form.text("portal_name"),
                    accent_light=form.text("accent_light"),
                    accent_dark=form.text("accent_dark"),
                )
                if content or form.flag("remove_logo"):
                    await console.brandings.set_logo(session, viewer.user, organization, content or None)
                for page in PAGES:
                    at = f"page_{page}"
                    await console.brandings.write_page(session, viewer.user, organization, page, form.raw(at))
        except DomainError as error:
            form.fail(error, {"markdown": at})
            return await _page(console, request, viewer, organization, form, status=error.status)
        return kit.redirect(_base(place), flash="The Developer Portal has its new looks.")


async def _page(
    console: Console, request: Request, viewer: Viewer, organization: str, form: Form, *, status: int = 200
) -> Response:
    async with console.kit.http.uow.transaction() as session:
        place = await console.at(session, viewer, organization)
        branding: Branding = await console.brandings.read(session, viewer.user, organization)
    pages = [(f"page_{page}", PAGE_TITLES[page]) for page in PAGES]
    values: dict[str, Any] = {"form": form, "branding": branding, "pages": pages, "here": _base(place)}
    return console.page(request, viewer, "branding.html", place, status=status, **values, **_preview_values(form))


def _preview_values(form: Form) -> dict[str, Any]:
    """What the preview shows of what was typed; a colour that cannot be used is said, and left out."""
    faults, chosen = Faults(), []
    for name, surface in _COLOURS:
        chosen.append(checked_colour(form.text(name, max_length=40), surface, name, faults))
    shown = accents(chosen[0], chosen[1])
    return {
        "name": form.text("portal_name", max_length=300),
        "faults": [str(one["message"]) for one in faults.found],
        "shown": [str(one).removeprefix("#") for one in shown] if shown else ["", ""],
    }
