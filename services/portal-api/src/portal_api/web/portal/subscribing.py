"""Choose Your Subscription Plan, go to Stripe and come back: until the first call has been seen."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.domain.application import Application
from portal_api.applications.use_cases.applications import Applications, NewApplication
from portal_api.billing.domain.subscription import Checkout, Subscription
from portal_api.billing.use_cases.plan_estimates import MAX_UNITS, PlanEstimates, estimate_plans
from portal_api.billing.use_cases.subscriptions import Subscriptions, Wanted
from portal_api.identity.domain.access import Actor
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.catalogue import CatalogueDeps, api_view
from portal_api.web.portal.place import Place
from shared.errors import DomainError

MAX_APPLICATIONS = 100
DEFAULT_UNITS = 10_000
NEW = "new"
# The slider's stops: even steps would leave no room for small volumes.
VOLUMES = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class SubscribingDeps:
    """What these pages need."""

    catalogue: CatalogueDeps
    applications: Applications
    subscriptions: Subscriptions

    @property
    def kit(self) -> Kit:
        """The one of all pages."""
        return self.catalogue.kit


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a new subscription is, for the page that waits."""

    subscription: Subscription
    checkout: Checkout | None

    @property
    def stage(self) -> str:
        """`waiting` (for the services), `pay`, `paid` (Stripe's word is awaited), `confirm` (the bank wants more or
        said no), `active`, `ended` or `refused`."""
        row, checkout = self.subscription, self.checkout
        if row.status in ("active", "trialing", "past_due"):
            return "active"
        if row.status == "rejected" or (checkout is not None and checkout.status == "refused"):
            return "refused"
        if row.is_over:
            return "ended"
        if row.status == "incomplete":
            return "confirm"
        if checkout is not None and checkout.status == "completed":
            return "paid"
        if checkout is not None and checkout.status == "opened":
            return "pay"
        return "waiting"

    @property
    def problem(self) -> tuple[str, str]:
        """Name and detail of what went wrong."""
        row, checkout = self.subscription, self.checkout
        if checkout is not None and checkout.status == "refused":
            return checkout.problem or "stripe-checkout-refused", checkout.problem_detail or ""
        return row.problem or "subscription-ended", row.problem_detail or ""


def add_pages(router: APIRouter, deps: SubscribingDeps) -> None:
    """All of them."""
    _dialog(router, deps)
    _estimate(router, deps)
    _subscribe(router, deps)
    _return(router, deps)
    _progress(router, deps)


def _dialog(router: APIRouter, deps: SubscribingDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/portal/{organization}/apis/{api}/subscribe")
    async def dialog(
        request: Request,
        organization: str,
        api: str,
        viewer: signed_in,
        plan: str = "",
        application: str = "",
        units: int = DEFAULT_UNITS,
        volume: str = "",
    ) -> Response:
        form = Form.of(application=application, plan=plan, units=_bounded(_stop(volume, units)))
        return await _page(request, deps, viewer, organization, api, form)


async def _page(
    request: Request, deps: SubscribingDeps, viewer: Viewer, organization: str, api: str, form: Form, status: int = 200
) -> Response:
    kit, actor = deps.kit, actor_of(viewer)
    async with kit.http.uow.transaction() as session:
        place = await deps.catalogue.places.at(session, viewer, organization)
        view = await api_view(session, deps.catalogue, viewer, organization, api)
        applications = await deps.applications.listed(
            session, place.organization.id, actor.user_id, after=None, limit=MAX_APPLICATIONS
        )
    if not form.text("application"):
        taken = {one.subscription.application_id for one in view.mine}
        free = [one.id for one in applications if one.id not in taken and one.status == "active"]
        form.values["application"] = [free[0] if free else NEW]
    units = _bounded(int(form.text("units") or DEFAULT_UNITS))
    values = _estimate_values(estimate_plans(view.offer, units))
    taken_by = {one.subscription.application_id: one for one in view.mine}
    return kit.page(
        request, viewer, "portal/subscribe.html", status=status, place=place, view=view, tab="overview", form=form,
        applications=[one for one in applications if one.status == "active"], taken=taken_by, volumes=VOLUMES,
        **values,
    )  # fmt: skip


def _estimate(router: APIRouter, deps: SubscribingDeps) -> None:
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/portal/{organization}/apis/{api}/estimate")
    async def estimate(
        organization: str, api: str, viewer: anybody, units: int = DEFAULT_UNITS, volume: str = ""
    ) -> Response:
        """The piece of the dialog that follows the slider."""
        async with kit.http.uow.transaction() as session:
            offer = await deps.catalogue.catalog.reader.published_api(session, organization, api)
        values = _estimate_values(estimate_plans(offer, _bounded(_stop(volume, units))))
        return HTMLResponse(
            kit.fragment(viewer, "portal/estimate.html", **values), headers={"Cache-Control": "no-store"}
        )


def _estimate_values(found: PlanEstimates) -> dict[str, Any]:
    return {"estimates": found, "units": found.units}


def _subscribe(router: APIRouter, deps: SubscribingDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/portal/{organization}/apis/{api}/subscribe")
    async def subscribe(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        """Reserve, order, and go where the answer will appear; Stripe's page opens from there."""
        form = await kit.form(request, viewer)
        actor = actor_of(viewer)
        plan = form.text("plan", label="A plan", required=True)
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    place = await deps.catalogue.places.at(session, viewer, organization)
                    application = await _application(session, deps, place, actor, form)
                    made = await deps.subscriptions.subscribe(session, actor, application, Wanted(api, plan))
                return RedirectResponse(f"{place.base}/subscriptions/{made.id}", status_code=303)
            except DomainError as error:
                if error.status == 404 and error.field is None:
                    raise
                form.fail(error, {"name": "application_name", "plan_id": "plan", "api_id": "application"})
        return await _page(request, deps, viewer, organization, api, form, status=422)


async def _application(session: AsyncSession, deps: SubscribingDeps, place: Place, actor: Actor, form: Form) -> str:
    chosen = form.text("application")
    if chosen and chosen != NEW:
        return chosen
    name = form.text("application_name") or "My application"
    made: Application = await deps.applications.create(
        session, place.organization.id, actor.user_id, NewApplication(name)
    )
    # A refusal below shows the dialog again; the application is rolled back with it.
    return made.id


def _return(router: APIRouter, deps: SubscribingDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/portal/{organization}/checkout/{outcome}")
    async def back(
        request: Request, organization: str, outcome: str, viewer: signed_in, subscription: str = ""
    ) -> Response:
        """Where Stripe's Checkout leads back to."""
        if subscription:
            left = "?left=1" if outcome == "cancel" else "?paid=1"
            return RedirectResponse(f"/portal/{organization}/subscriptions/{subscription}{left}", status_code=303)
        return RedirectResponse(f"/portal/{organization}/billing/subscriptions", status_code=303)


def _progress(router: APIRouter, deps: SubscribingDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    async def values(session: AsyncSession, viewer: Viewer, subscription: str) -> dict[str, Any]:
        row = await deps.subscriptions.owned(session, subscription, actor_of(viewer).user_id)
        progress = Progress(row, await deps.subscriptions.checkout(session, row.id))
        named = (await deps.catalogue.billing.named(session, [row]))[0]
        return {"progress": progress, "named": named}

    @router.get("/portal/{organization}/subscriptions/{subscription}")
    async def progress(
        request: Request, organization: str, subscription: str, viewer: signed_in, paid: int = 0, left: int = 0
    ) -> Response:
        """Waits for what the services and Stripe say; then leads to the first call."""
        async with kit.http.uow.transaction() as session:
            place = await deps.catalogue.places.at(session, viewer, organization)
            found = await values(session, viewer, subscription)
        stage = found["progress"].stage
        # Straight to Stripe for whoever just chose a plan; whoever came back from there is not sent again.
        if stage == "pay" and not paid and not left:
            return RedirectResponse(found["progress"].checkout.url, status_code=303)
        return kit.page(
            request, viewer, "portal/progress.html", place=place, left=bool(left), paid=bool(paid),
            polls=stage in ("waiting", "paid", "confirm") or (stage == "pay" and bool(paid)), **found,
        )  # fmt: skip

    @router.get("/portal/{organization}/subscriptions/{subscription}/live")
    async def live(
        request: Request, organization: str, subscription: str, viewer: signed_in, paid: int = 0, left: int = 0
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.catalogue.places.at(session, viewer, organization)
            await deps.subscriptions.owned(session, subscription, actor_of(viewer).user_id)

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                found = await values(session, viewer, subscription)
            return kit.fragment(
                viewer, "portal/progress_state.html", place=place, left=bool(left), paid=bool(paid), **found
            )

        return kit.live.stream(request, render, {subscription})


def actor_of(viewer: Viewer) -> Actor:
    """Of a page that only somebody signed in sees."""
    if viewer.actor is None:
        raise DomainError("authentication-required", 401, "Sign in first", "This page is yours alone.")
    return viewer.actor


def _bounded(units: int) -> int:
    return max(0, min(units, MAX_UNITS))


def _stop(volume: str, units: int) -> int:
    """The slider sends the number of its stop, where it was moved."""
    if volume.isdecimal() and int(volume) < len(VOLUMES):
        return VOLUMES[int(volume)]
    return units
