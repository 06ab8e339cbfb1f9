"""Admin > Settings > Payments: how long subscribers keep access while a payment is overdue."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.billing.use_cases.payment_grace import MAX_GRACE_DAYS
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer


def add_pages(router: APIRouter, console: Console) -> None:
    """The tab, and its form."""
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    async def page(
        request: Request, viewer: Viewer, organization: str, form: Form | None, *, status: int = 200
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization)
            days = await console.graces.read(session, viewer.user, organization)
        return console.page(
            request,
            viewer,
            "payments.html",
            place,
            status=status,
            form=form or Form.of(grace_days=days),
            days=days,
            here=f"{place.base}/settings/payments",
        )

    @router.get("/console/{organization}/settings/payments")
    async def show(request: Request, organization: str, viewer: signed_in) -> Response:
        return await page(request, viewer, organization, None)

    @router.post("/console/{organization}/settings/payments")
    async def save(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, role="admin")
        form.text("grace_days", label="The number of days", required=True, max_length=10)
        days = form.integer("grace_days", label="The number of days")
        if days is not None and days > MAX_GRACE_DAYS:
            form.errors.setdefault("grace_days", f"At most {MAX_GRACE_DAYS} days.")
        if form.errors or days is None:
            return await page(request, viewer, organization, form, status=422)
        async with kit.http.uow.transaction() as session:
            await console.graces.set(session, viewer.user, organization, days)
        text = f"Saved: {days} {'day' if days == 1 else 'days'} of grace for debts that begin from now on."
        return kit.redirect(f"{place.base}/settings/payments", flash=text)
