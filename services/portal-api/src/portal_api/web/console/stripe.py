"""Admin > Settings > Credentials > Stripe Credentials: the keys go in, what became of them comes back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.web.console.place import Place
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

# What a restricted key must be allowed (Stripe Dashboard > Developers > API keys), and what for.
PERMISSIONS = (
    ("Products", "Write", "A product for each API that is sold"),
    ("Prices", "Write", "A price for each version of a plan"),
    ("Billing Meters", "Write", "Counting requests"),
    ("Billing Meter Events", "Write", "Reporting usage"),
    ("Customers", "Write", "One per developer"),
    ("Subscriptions", "Write", "Starting, changing and ending them"),
    ("Checkout Sessions", "Write", "Where developers pay"),
    ("Invoices", "Write", "Showing them, and the last one at the end"),
    ("Customer portal", "Write", "Payment details"),
    ("Webhook Endpoints", "Write", "Hearing of payments"),
    ("Setup Intents", "Write", "Checking that both keys are of one account"),
    ("Credit notes", "Write", "Corrections"),
)


def add_pages(router: APIRouter, console: Console) -> None:
    """Settings, and the Stripe credentials."""
    _show(router, console)
    _change(router, console)


def _base(place: Place) -> str:
    return f"{place.base}/settings/credentials/stripe"


def _from_api(request: Request) -> str:
    """The API whose Lifecycle sent the viewer here, and which the way leads back to; "" for none."""
    api = request.query_params.get("api", "")
    # An id is no address: it cannot lead elsewhere.
    return api if len(api) <= 64 and api.isidentifier() else ""


def _with_api(address: str, api: str) -> str:
    return f"{address}?api={api}" if api else address


def _show(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/settings")
    @router.get("/console/{organization}/settings/credentials")
    async def settings(organization: str, viewer: signed_in) -> Response:
        place = await console.place(viewer, organization)
        return kit.redirect(_base(place))

    @router.get("/console/{organization}/settings/credentials/stripe")
    async def stripe_page(request: Request, organization: str, viewer: signed_in) -> Response:
        return await _page(console, request, viewer, organization, Form())

    @router.get("/console/{organization}/settings/credentials/stripe/live")
    async def live(request: Request, organization: str, viewer: signed_in) -> Response:
        place = await console.place(viewer, organization)
        about = {place.organization.id}

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                place = await console.at(session, viewer, organization)
                connection = await console.stripe.read(session, viewer.user, organization)
                news = await console.provider.stripe_news(session, viewer.user, organization)
            return kit.fragment(
                viewer, "console/stripe_state.html", place=place, connection=connection, news=news,
                api=_from_api(request),
            )  # fmt: skip

        return kit.live.stream(request, render, about)


def _change(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/settings/credentials/stripe")
    async def save(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, role="admin")
        try:
            async with kit.http.uow.transaction() as session:
                await console.stripe.connect(
                    session,
                    viewer.user,
                    organization,
                    secret_key=form.text("secret_key", max_length=300),
                    publishable_key=form.text("publishable_key", max_length=300),
                )
        except DomainError as error:
            form.fail(error)
            form.values.pop("secret_key", None)
            return await _page(console, request, viewer, organization, form, status=error.status)
        return kit.redirect(_with_api(_base(place), _from_api(request)))

    @router.post("/console/{organization}/settings/credentials/stripe/disconnect")
    async def disconnect(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, role="admin")
        if form.text("confirm") != place.organization.identifier:
            text = f"Nothing was disconnected: type {place.organization.identifier} to confirm."
            return kit.redirect(_base(place), flash=text, tone="bad")
        async with kit.http.uow.transaction() as session:
            await console.stripe.disconnect(session, viewer.user, organization)
        return kit.redirect(_base(place), flash="Stripe is being disconnected.")


async def _page(
    console: Console, request: Request, viewer: Viewer, organization: str, form: Form, *, status: int = 200
) -> Response:
    async with console.kit.http.uow.transaction() as session:
        place = await console.at(session, viewer, organization)
        connection = await console.stripe.read(session, viewer.user, organization)
        news = await console.provider.stripe_news(session, viewer.user, organization)
    here, api = _base(place), _from_api(request)
    values = {
        "form": form, "connection": connection, "news": news, "permissions": PERMISSIONS, "here": here, "api": api,
        "keys_to": _with_api(here, api), "live": _with_api(f"{here}/live", api),
    }  # fmt: skip
    return console.page(request, viewer, "stripe.html", place, status=status, **values)
