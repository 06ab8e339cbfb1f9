"""Stripe's billing portal of a subscription, and what a provider grants while a payment is overdue."""

from dataclasses import dataclass

from fastapi import APIRouter, Depends

from portal_api.billing.domain.portal_session import PortalSession
from portal_api.billing.entrypoints.schemas import PaymentGrace, PaymentGraceView, PortalOpen, PortalSessionView
from portal_api.billing.entrypoints.waiting import ChangeSignal, Prefer, wait_for, wait_seconds
from portal_api.billing.use_cases.billing_portal import BillingPortal
from portal_api.billing.use_cases.payment_grace import PaymentGraces
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.identity.domain.access import Actor


@dataclass(frozen=True, slots=True)
class PortalRoutes:
    """What the routes need."""

    http: HttpDependencies
    portal: BillingPortal
    graces: PaymentGraces
    changes: ChangeSignal

    async def read(self, actor: Actor, subscription_id: str, session_id: str) -> PortalSession:
        """As it is now, in a transaction of its own."""
        async with self.http.uow.transaction() as session:
            return await self.portal.read(session, actor, subscription_id, session_id)


def add_routes(router: APIRouter, deps: PortalRoutes) -> None:
    """All of them."""
    _portal(router, deps)
    _grace(router, deps)


def _portal(router: APIRouter, deps: PortalRoutes) -> None:
    http = deps.http

    @router.post(
        "/subscriptions/{id}/billing-portal",
        status_code=202,
        operation_id="open_billing_portal",
        tags=["Billing"],
        summary="Open Stripe's billing portal for a subscription",
        responses=problems(401, 404, 409, 422),
    )
    async def open_portal(
        id: str,  # noqa: A002
        body: PortalOpen | None = None,
        prefer: Prefer = None,
        actor: Actor = Depends(http.current_actor),
    ) -> PortalSessionView:
        """Only who created it. With `Prefer: wait` the answer has the address, or why there is none."""
        return_url = str(body.return_url) if body and body.return_url else None
        async with http.uow.transaction() as session:
            wish = await deps.portal.open(session, actor, id, return_url)
        found = await wait_for(
            lambda: deps.read(actor, id, wish.id),
            lambda now: now.status != "pending",
            wait_seconds(prefer),
            deps.changes,
        )
        return PortalSessionView.of(found)

    @router.get(
        "/subscriptions/{id}/billing-portal/{session}",
        operation_id="get_billing_portal",
        tags=["Billing"],
        summary="Read a billing portal session",
        responses=problems(401, 404),
    )
    async def read_portal(
        id: str,  # noqa: A002
        session: str,
        prefer: Prefer = None,
        actor: Actor = Depends(http.current_actor),
    ) -> PortalSessionView:
        """Only who opened it. `Prefer: wait` waits while it is pending."""
        found = await wait_for(
            lambda: deps.read(actor, id, session),
            lambda now: now.status != "pending",
            wait_seconds(prefer),
            deps.changes,
        )
        return PortalSessionView.of(found)


def _grace(router: APIRouter, deps: PortalRoutes) -> None:
    http = deps.http
    path = "/organizations/{organization}/payment-grace"

    @router.put(
        path,
        operation_id="set_payment_grace",
        tags=["Billing"],
        summary="Say how long subscribers keep access while a payment is overdue",
        responses=problems(401, 403, 404, 422),
    )
    async def set_grace(
        organization: str, body: PaymentGrace, actor: Actor = Depends(http.current_actor)
    ) -> PaymentGraceView:
        """Role admin. Debts that have begun keep the grace that they began with."""
        async with http.uow.transaction() as session:
            days = await deps.graces.set(session, actor, organization, body.grace_days)
        return PaymentGraceView(grace_days=days)

    @router.get(
        path,
        operation_id="get_payment_grace",
        tags=["Billing"],
        summary="Read how long subscribers keep access while a payment is overdue",
        responses=problems(401, 403, 404),
    )
    async def read_grace(organization: str, actor: Actor = Depends(http.current_actor)) -> PaymentGraceView:
        """null where nothing was set."""
        async with http.uow.transaction() as session:
            return PaymentGraceView(grace_days=await deps.graces.read(session, actor, organization))
