"""The organization's home: the way to the first paid call, its projects, and today's figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.usage import about_api
from portal_api.billing.use_cases.provider_billing import Calls
from portal_api.catalog.domain.api import Api
from portal_api.web.console.place import MAX_LISTED, Place
from portal_api.web.console.wiring import Console
from portal_api.web.kit import charts, formats
from portal_api.web.kit.viewer import Viewer

# An organization's figures are sums over all its subscriptions: looked at once a second, however fast calls come.
FIGURES_PAUSE_SECONDS = 1.0
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the checklist."""

    title: str
    text: str
    href: str
    action: str
    done: bool


def add_pages(router: APIRouter, console: Console) -> None:
    """The home page and its live figures."""
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}")
    async def home(request: Request, organization: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization)
            values = await _values(console, session, viewer, place)
        return console.page(request, viewer, "home.html", place, **values)

    @router.get("/console/{organization}/live")
    async def live(request: Request, organization: str, viewer: signed_in) -> Response:
        place = await console.place(viewer, organization)
        about = {place.organization.id}

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                place = await console.at(session, viewer, organization)
                values = await _values(console, session, viewer, place)
            about.update(about_api(api.number) for api in values["apis"])
            return kit.fragment(viewer, "console/home_figures.html", place=place, **values)

        return kit.live.stream(request, render, about, pause_seconds=FIGURES_PAUSE_SECONDS)


async def _values(console: Console, session: AsyncSession, viewer: Viewer, place: Place) -> dict[str, Any]:
    today = await console.provider.today(session, viewer.user, place.organization.id)
    apis = await console.catalog.list_organization_apis(
        session, viewer.user, place.organization.id, limit=MAX_LISTED, after=None
    )
    steps = await _steps(console, session, viewer, place, apis, today.had_paid_call)
    chart = call_chart(today.calls, viewer, "Calls of the last 24 hours")
    done = sum(step.done for step in steps)
    return {"today": today, "steps": steps, "chart": chart, "done": done, "apis": apis}


def call_chart(calls: Calls, viewer: Viewer, title: str) -> object:
    """Stacked bars: answered, the caller's errors, the API's errors."""
    daily = calls.step.days >= 1
    bars = []
    for one in calls.buckets:
        when = formats.day(one.at, viewer) if daily else formats.moment(one.at, viewer)
        tip = f"{when}\n{formats.number(one.calls, viewer.locale)} calls"
        if one.client_errors or one.server_errors:
            tip += f"\n{one.client_errors} of the caller's errors\n{one.server_errors} of the API's errors"
        label = formats.clock_time(one.at, viewer) if calls.step < _HOUR else formats.short_day(one.at, viewer)
        bars.append(charts.Bar(label, (one.ok, one.client_errors, one.server_errors), tip))
    return charts.bar_chart(bars, title=title, label=lambda value: formats.compact(round(value), viewer.locale))


async def _steps(
    console: Console, session: AsyncSession, viewer: Viewer, place: Place, apis: Sequence[Api], had_paid_call: bool
) -> list[Step]:
    """Each asks what is there; the first that is not done comes next."""
    plans = await console.catalog.list_plans(session, viewer.user, place.organization.id, limit=1, after=None)
    connection = await console.stripe.read(session, viewer.user, place.organization.id)
    project = (
        f"{place.base}/projects/{place.projects[0].identifier}" if place.projects else f"{place.base}/projects/new"
    )
    api = f"{place.base}/apis/{apis[-1].id}" if apis else f"{project}/api-proxy" if place.projects else project
    deployed = [one for one in apis if one.production is not None]
    offered = [one for one in apis if one.plan_ids]
    published = [one for one in apis if one.lifecycle in ("published", "deprecated", "blocked")]
    portal = f"/portal/{place.organization.identifier}"
    return [
        Step("Create a project", "A drawer for your APIs.", f"{place.base}/projects/new", "Create Project",
             bool(place.projects)),
        Step("Import an API", "From its OpenAPI contract, or the sample.", api if not apis else project, "API Proxy",
             bool(apis)),
        Step("Deploy and promote it", "To Development, then to Production.",
             f"{api}/deploy" if apis else project, "Deploy", bool(deployed)),
        Step("Connect Stripe", "Your keys, checked at once.", f"{place.base}/settings/credentials/stripe",
             "Add Stripe Credentials", connection.connected),
        Step("Create a plan", "What a call costs.", f"{place.base}/settings/plans/new", "Create", bool(plans)),
        Step("Enable the plan on the API", "So that developers can choose it.",
             f"{api}/monetize" if apis else project, "Monetize", bool(offered)),
        Step("Publish the API", "It appears in your Developer Portal.",
             f"{api}/lifecycle" if apis else project, "Publish", bool(published)),
        Step("See the first paid call", "Subscribe as a developer would, and call. This row turns by itself.", portal,
             "Developer Portal", had_paid_call),
    ]  # fmt: skip
