"""Payment details: kept by Stripe alone and changed on its billing portal; here stands what was paid, and what not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.portal_session import PortalSession
from portal_api.billing.domain.provider_view import PaymentState, payment_state
from portal_api.billing.domain.subscription import PENDING, Subscription
from portal_api.billing.use_cases.billing_portal import BillingPortal
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.billing.use_cases.usage_summary import NamedSubscription
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.billing import BillingDeps, tabs
from portal_api.web.portal.place import Place
from portal_api.web.portal.subscribing import actor_of
from shared.errors import DomainError
from shared.events.billing import InvoiceUpdated

MAX_SHOWN = 100
MAX_INVOICES = 500


@dataclass(frozen=True, slots=True)
class PaymentDeps:
    """What these pages need."""

    billing: BillingDeps
    subscriptions: Subscriptions
    portal: BillingPortal

    @property
    def kit(self) -> Kit:
        """The one of all pages."""
        return self.billing.kit


@dataclass(frozen=True, slots=True)
class PaidFor:
    """A paid subscription with what became of its money. `invoice`: the newest one, which the card was charged for."""

    named: NamedSubscription
    payment: PaymentState
    invoice: InvoiceUpdated | None

    @property
    def next_charge_at(self) -> datetime | None:
        """When Stripe charges the card the next time, as far as is known."""
        row = self.named.subscription
        is_renewed = row.status in ("active", "trialing") and not (row.cancel_at_period_end or row.cancel_at)
        return row.current_period_end if is_renewed else None


def add_pages(router: APIRouter, deps: PaymentDeps) -> None:
    """The tab, and the way to Stripe's billing portal."""
    _tab(router, deps)
    _open(router, deps)


def _tab(router: APIRouter, deps: PaymentDeps) -> None:
    kit = deps.kit

    @router.get("/portal/{organization}/billing/payment")
    async def payment(
        request: Request, organization: str, viewer: Annotated[Viewer, Depends(kit.signed_in())]
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.billing.places.at(session, viewer, organization)
            rows = await _paid_for(session, deps, place, viewer)
        return kit.page(
            request, viewer, "portal/payment.html", place=place, tabs=tabs(place, "Payment details"), rows=rows
        )


async def _paid_for(session: AsyncSession, deps: PaymentDeps, place: Place, viewer: Viewer) -> Sequence[PaidFor]:
    organization_id, developer_id = place.organization.id, actor_of(viewer).user_id
    newest = await deps.subscriptions.newest(session, organization_id, developer_id, before=None, limit=MAX_SHOWN)
    rows = [row for row in newest if row.paid and not row.is_ended and row.status != PENDING]
    if not rows:
        return ()
    named = await deps.billing.reader.named(session, rows)
    checkouts = await deps.subscriptions.checkouts(session, rows)
    invoices: dict[str, InvoiceUpdated] = {}
    for invoice in await deps.billing.reader.invoices_of(
        session, organization_id, developer_id, after=None, limit=MAX_INVOICES
    ):
        if invoice.subscription_id and invoice.status not in ("draft", "void"):
            invoices.setdefault(invoice.subscription_id, invoice)
    found = []
    for one in named:
        row = one.subscription
        checkout, newest_invoice = checkouts.get(row.id), invoices.get(row.id)
        state = payment_state(
            row, checkout.status if checkout else None, newest_invoice.status if newest_invoice else None
        )
        found.append(PaidFor(one, state, newest_invoice))
    return found


def _open(router: APIRouter, deps: PaymentDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    base = "/portal/{organization}/billing/subscriptions/{subscription}/payment"

    async def values(
        session: AsyncSession, viewer: Viewer, place: Place, subscription: str, wish: str
    ) -> dict[str, Any]:
        await _owned(session, deps, place, viewer, subscription)
        found: PortalSession = await deps.portal.read(session, actor_of(viewer), subscription, wish)
        return {"place": place, "wish": found}

    @router.post(base)
    async def ask(request: Request, organization: str, subscription: str, viewer: signed_in) -> Response:
        """Order Stripe's page; where it will appear is a page of ours that waits for the address."""
        await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            place = await deps.billing.places.at(session, viewer, organization)
            await _owned(session, deps, place, viewer, subscription)
        back = f"{place.base}/billing/payment"
        try:
            async with kit.http.uow.transaction() as session:
                wish = await deps.portal.open(session, actor_of(viewer), subscription, f"{kit.http.base_url}{back}")
        except DomainError as error:
            if error.status == 404:
                raise
            return kit.redirect(back, flash=f"{error.title}. {error.detail}", tone="bad")
        return RedirectResponse(f"{place.base}/billing/subscriptions/{subscription}/payment/{wish.id}", status_code=303)

    @router.get(base + "/{session}")
    async def way(request: Request, organization: str, subscription: str, session: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as transaction:
            place = await deps.billing.places.at(transaction, viewer, organization)
            found = await values(transaction, viewer, place, subscription, session)
        return kit.page(
            request, viewer, "portal/to_stripe.html", tabs=tabs(place, "Payment details"),
            here=request.url.path, **found,
        )  # fmt: skip

    @router.get(base + "/{session}/live")
    async def live(request: Request, organization: str, subscription: str, session: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as transaction:
            place = await deps.billing.places.at(transaction, viewer, organization)
            await values(transaction, viewer, place, subscription, session)

        async def render() -> str:
            async with kit.http.uow.transaction() as transaction:
                found = await values(transaction, viewer, place, subscription, session)
            return kit.fragment(viewer, "portal/to_stripe_state.html", **found)

        return kit.live.stream(request, render, {subscription})


async def _owned(
    session: AsyncSession, deps: PaymentDeps, place: Place, viewer: Viewer, subscription: str
) -> Subscription:
    row = await deps.subscriptions.owned(session, subscription, actor_of(viewer).user_id)
    if row.organization_id != place.organization.id:
        raise DomainError("subscription-not-found", 404, "No such subscription", "This portal has none of this id.")
    return row
