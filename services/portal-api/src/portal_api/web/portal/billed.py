"""Billed Subscriptions: what runs and what ended; Manage, which cancels, now or at the period's end, and resumes."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.subscription import ENDS_AT_PERIOD_END
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.billing import BillingDeps, tabs
from portal_api.web.portal.place import Place
from portal_api.web.portal.subscribing import Progress, actor_of
from shared.errors import DomainError

PAGE_SIZE = 25
RUNNING = frozenset(("active", "trialing", "past_due", "unpaid", "paused", "incomplete", "pending", "pending_payment"))


@dataclass(frozen=True, slots=True)
class BilledDeps:
    """What these pages need."""

    billing: BillingDeps
    subscriptions: Subscriptions

    @property
    def kit(self) -> Kit:
        """The one of all pages."""
        return self.billing.kit


def add_pages(router: APIRouter, deps: BilledDeps) -> None:
    """All of them."""
    _list(router, deps)
    _manage(router, deps)
    _change(router, deps)


def _list(router: APIRouter, deps: BilledDeps) -> None:
    kit = deps.kit

    @router.get("/portal/{organization}/billing/subscriptions")
    async def billed(
        request: Request, organization: str, viewer: Annotated[Viewer, Depends(kit.signed_in())], after: str = ""
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.billing.places.at(session, viewer, organization)
            rows = await deps.subscriptions.newest(
                session, place.organization.id, actor_of(viewer).user_id, before=after or None, limit=PAGE_SIZE + 1
            )
            named = await deps.billing.reader.named(session, rows[:PAGE_SIZE])
            checkouts = await deps.subscriptions.checkouts(session, rows[:PAGE_SIZE])
        following = rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else ""
        return kit.page(
            request, viewer, "portal/billed.html", place=place, tabs=tabs(place, "Billed Subscriptions"),
            subscriptions=named, checkouts=checkouts, following=following, after=after,
        )  # fmt: skip


async def _values(
    session: AsyncSession, deps: BilledDeps, place: Place, viewer: Viewer, subscription: str
) -> dict[str, Any]:
    actor = actor_of(viewer)
    row = await deps.subscriptions.owned(session, subscription, actor.user_id)
    if row.organization_id != place.organization.id:
        raise DomainError("subscription-not-found", 404, "No such subscription", "This portal has none of this id.")
    named = (await deps.billing.reader.named(session, [row]))[0]
    return {
        "place": place,
        "named": named,
        "row": row,
        "progress": Progress(row, await deps.subscriptions.checkout(session, row.id)),
        "usage": await deps.billing.reader.usage_of(session, named),
        "can_cancel": row.status in RUNNING,
        "can_wait": row.status in ENDS_AT_PERIOD_END and row.current_period_end is not None,
        "is_scheduled": row.status in ENDS_AT_PERIOD_END and bool(row.cancel_at_period_end or row.cancel_at),
    }


def _manage(router: APIRouter, deps: BilledDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/portal/{organization}/billing/subscriptions/{subscription}")
    async def manage(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.billing.places.at(session, viewer, organization)
            found = await _values(session, deps, place, viewer, subscription)
        return kit.page(request, viewer, "portal/manage.html", tabs=tabs(place, "Billed Subscriptions"), **found)

    @router.get("/portal/{organization}/billing/subscriptions/{subscription}/live")
    async def live(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.billing.places.at(session, viewer, organization)
            await _values(session, deps, place, viewer, subscription)

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                found = await _values(session, deps, place, viewer, subscription)
            return kit.fragment(viewer, "portal/manage_state.html", **found)

        return kit.live.stream(request, render, {subscription})


def _change(router: APIRouter, deps: BilledDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    base = "/portal/{organization}/billing/subscriptions/{subscription}"

    @router.post(base + "/cancel")
    async def cancel(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        when: Literal["now", "period_end"] = "period_end" if form.text("when") == "period_end" else "now"
        target = f"/portal/{organization}/billing/subscriptions/{subscription}"
        try:
            async with kit.http.uow.transaction() as session:
                await deps.subscriptions.cancel(session, actor_of(viewer), subscription, when)
        except DomainError as error:
            if error.status == 404:
                raise
            return kit.redirect(target, flash=f"{error.title}. {error.detail}", tone="bad")
        said = "Access ends now." if when == "now" else "It ends with the billing period; until then you can resume it."
        return kit.redirect(target, flash=f"The cancellation is ordered. {said}")

    @router.post(base + "/resume")
    async def resume(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        await kit.form(request, viewer)
        target = f"/portal/{organization}/billing/subscriptions/{subscription}"
        try:
            async with kit.http.uow.transaction() as session:
                await deps.subscriptions.resume(session, actor_of(viewer), subscription)
        except DomainError as error:
            if error.status == 404:
                raise
            return kit.redirect(target, flash=f"{error.title}. {error.detail}", tone="bad")
        return kit.redirect(target, flash="Resumed: it renews as before.")
