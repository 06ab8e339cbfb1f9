"""Manage > Monetize and Manage > Lifecycle: which plans an API offers, and whether developers see it."""

from datetime import UTC, datetime, time
from typing import Annotated, cast, get_args

from fastapi import APIRouter, Depends, Request, Response

from portal_api.catalog.domain.release import Action
from portal_api.web.console.lifecycle_graph import graph
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

MAX_PLANS = 100
LABELS: dict[Action, tuple[str, str]] = {
    "publish": ("Publish", "It appears in the Developer Portal, and developers can subscribe."),
    "pre_release": ("Pre-release", "Members see it as a preview; nobody can subscribe yet."),
    "block": ("Block", "All calls are refused with 403 until you unblock it. Subscriptions stay."),
    "unblock": ("Unblock", "Calls are admitted again."),
    "unpublish": ("Unpublish", "It leaves the Developer Portal. Only possible while nobody subscribes."),
    "deprecate": ("Deprecate", "Present subscriptions work; there are no new ones. Callers are told by headers."),
    "restore": ("Restore", "It takes new subscriptions again."),
    "retire": ("Retire", "All calls are refused for good. This cannot be undone."),
}
CHECKS = {
    "deployed_to_production": ("Deployed to Production", "deploy"),
    "plan_enabled": ("A plan is enabled", "monetize"),
    "stripe_connected": ("Stripe is connected", "stripe"),
    "nobody_subscribes": ("Nobody subscribes", "subscriptions"),
}


def add_pages(router: APIRouter, console: Console) -> None:
    """Both pages."""
    _monetize(router, console)
    _lifecycle(router, console)


def _monetize(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    async def page(
        request: Request, viewer: Viewer, organization: str, api: str, form: Form, *, status: int = 200
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization, api=api)
            plans = await console.catalog.list_plans(session, viewer.user, organization, limit=MAX_PLANS, after=None)
            connection = await console.stripe.read(session, viewer.user, organization)
        found = place.api
        enabled = form.many("plans") if form.problem else list(found.plan_ids) if found else []
        active = [plan for plan in plans if plan.status == "active"]
        # The subscriber's dialog lists plans in the order in which they were enabled.
        shown = [plan for plan_id in enabled for plan in active if plan.id == plan_id]
        values = {"plans": active, "enabled": enabled, "shown": shown, "form": form, "connection": connection}
        return console.page(request, viewer, "monetize.html", place, status=status, api=found, **values)

    @router.get("/console/{organization}/apis/{api}/monetize")
    async def monetize(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        return await page(request, viewer, organization, api, Form())

    @router.post("/console/{organization}/apis/{api}/monetize")
    async def save(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, api=api, role="publisher")
        before = place.api.plan_ids if place.api else ()
        wanted = form.many("plans")
        # Plans that were enabled before keep their place.
        ordered = [one for one in before if one in wanted] + [one for one in wanted if one not in before]
        try:
            async with kit.http.uow.transaction() as session:
                plans = await console.releases.set_plans(session, viewer.user, api, ordered)
        except DomainError as error:
            form.fail(error)
            return await page(request, viewer, organization, api, form, status=error.status)
        names = ", ".join(plan.name for plan in plans)
        text = f"Offered: {names}." if names else "No plan is offered now."
        return kit.redirect(f"{place.api_base}/monetize", flash=text)


def _lifecycle(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    async def page(
        request: Request, viewer: Viewer, organization: str, api: str, form: Form, *, status: int = 200
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization, api=api)
            found, steps = await console.releases.lifecycle(session, viewer.user, api)
            plans = await console.catalog.enabled_plans(session, found)
        values = {"api": found, "steps": steps, "plans": plans, "form": form, "labels": LABELS, "checks": CHECKS}
        values |= {"graph": graph(found.lifecycle), "url": console.catalog.gateway_url(found)}
        return console.page(request, viewer, "lifecycle.html", place, status=status, **values)

    @router.get("/console/{organization}/apis/{api}/lifecycle")
    async def lifecycle(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        return await page(request, viewer, organization, api, Form())

    @router.post("/console/{organization}/apis/{api}/lifecycle")
    async def change(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, api=api, role="publisher")
        action = form.text("action")
        if action not in get_args(Action):
            raise DomainError("lifecycle-refused", 409, "The lifecycle has no such step", "Open the page again.")
        name = place.api.display_name if place.api else ""
        if action == "retire" and form.text("confirm") != (place.api.identifier if place.api else ""):
            text = "Nothing was changed: type the API's identifier to confirm."
            return kit.redirect(f"{place.api_base}/lifecycle", flash=text, tone="bad")
        try:
            async with kit.http.uow.transaction() as session:
                found, _ = await console.releases.change(
                    session, viewer.user, api, cast(Action, action), _sunset(form.text("sunset"))
                )
        except DomainError as error:
            form.fail(error)
            return await page(request, viewer, organization, api, form, status=error.status)
        return kit.redirect(f"{place.api_base}/lifecycle", flash=f"{name} is {found.lifecycle.replace('_', '-')}.")


def _sunset(text: str) -> datetime | None:
    """A date of the form: its end, UTC."""
    if not text:
        return None
    try:
        return datetime.combine(datetime.fromisoformat(text).date(), time.max, UTC).replace(microsecond=0)
    except ValueError as error:
        detail = "Write the date as 2027-01-31."
        raise DomainError("invalid-request", 422, "This is not a date", detail, "sunset") from error
