"""Subscriptions and customers: the subscription's state and the payment's beside each other; a provider may end one."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from portal_api.web.console.place import MAX_LISTED
from portal_api.web.console.wiring import Console
from portal_api.web.kit.statuses import KINDS
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

PAGE = 50


def add_pages(router: APIRouter, console: Console) -> None:
    """The list, its live rows, and the end."""
    _list(router, console)
    _end(router, console)


def _list(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/subscriptions")
    async def subscriptions(
        request: Request,
        organization: str,
        viewer: signed_in,
        api: Annotated[str, Query(max_length=64)] = "",
        status: Annotated[str, Query(max_length=32)] = "",
        search: Annotated[str, Query(max_length=100)] = "",
        after: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization)
            rows = await console.provider.subscribers(
                session,
                viewer.user,
                organization,
                api_id=api or None,
                status=status or None,
                search=search.strip(),
                after=after,
                limit=PAGE + 1,
            )
            apis = await console.catalog.list_organization_apis(
                session, viewer.user, organization, limit=MAX_LISTED, after=None
            )
            counts = await console.provider.live_counts(session, viewer.user, organization)
        here = f"{place.base}/subscriptions"
        chosen = {"api": api, "status": status, "search": search}
        asked = {name: value for name, value in chosen.items() if value}
        shown = rows[:PAGE]
        following = ""
        if len(rows) > PAGE:
            following = f"{here}?{urlencode(asked | {'after': shown[-1].row.subscription.id})}"
        values: dict[str, Any] = {"rows": shown, "apis": apis, "counts": counts, "chosen": chosen, "here": here}
        return console.page(
            request,
            viewer,
            "subscriptions.html",
            place,
            filtered=bool(asked) or after is not None,
            next_href=following,
            first_href=f"{here}?{urlencode(asked)}" if after else "",
            statuses=KINDS["subscription"],
            **values,
        )


def _end(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/subscriptions/{subscription}/end")
    async def end(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        place = await console.place(viewer, organization, role="admin")
        here = f"{place.base}/subscriptions"
        try:
            async with kit.http.uow.transaction() as session:
                await console.subscriptions.end(session, viewer.user, organization, subscription)
        except DomainError as error:
            if error.status == 404:
                raise
            return kit.redirect(here, flash=f"{error.title}. {error.detail}", tone="bad")
        return kit.redirect(here, flash="The end is ordered: access stops now, and the last usage is billed.")
