"""Billing as REST: what a developer reads (usage, invoices, billed subscriptions), and the provider's Stripe keys."""

from dataclasses import dataclass

from fastapi import APIRouter, Depends

from portal_api.billing.domain.stripe_keys import StripeConnection
from portal_api.billing.entrypoints import portal_routes, provider_routes, subscription_routes, usage_routes
from portal_api.billing.entrypoints.schemas import StripeConnectionView, StripeKeys, SubscriptionView
from portal_api.billing.entrypoints.waiting import ChangeSignal, Prefer, wait_for, wait_seconds
from portal_api.billing.use_cases.billing_portal import BillingPortal
from portal_api.billing.use_cases.payment_grace import PaymentGraces
from portal_api.billing.use_cases.plan_estimates import Estimates
from portal_api.billing.use_cases.provider_billing import ProviderBilling
from portal_api.billing.use_cases.stripe_credentials import StripeCredentials
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.billing.use_cases.usage_history import UsageHistories
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations


@dataclass(frozen=True, slots=True)
class BillingRoutes:
    """What `main` hands over."""

    http: HttpDependencies
    organizations: Organizations
    subscriptions: Subscriptions
    reader: BillingReader
    histories: UsageHistories
    estimates: Estimates
    provider: ProviderBilling
    stripe: StripeCredentials
    changes: ChangeSignal
    portal: BillingPortal
    graces: PaymentGraces


def create_router(deps: BillingRoutes) -> APIRouter:
    """All routes of the feature."""
    router = APIRouter(prefix="/v1")
    parts = subscription_routes.SubscriptionRoutes(
        deps.http, deps.organizations, deps.subscriptions, deps.reader, deps.changes
    )
    subscription_routes.add_routes(router, parts)
    usage_routes.add_routes(
        router, usage_routes.UsageRoutes(deps.http, deps.organizations, deps.reader, deps.histories, deps.estimates)
    )
    portal_routes.add_routes(router, portal_routes.PortalRoutes(deps.http, deps.portal, deps.graces, deps.changes))
    provider_routes.add_routes(router, deps.http, deps.provider)
    _billed_subscriptions(router, deps)
    _stripe_credentials(router, deps)
    return router


def _billed_subscriptions(router: APIRouter, deps: BillingRoutes) -> None:
    http = deps.http

    @router.get(
        "/portal/{organization}/billing/subscriptions",
        operation_id="list_billed_subscriptions",
        tags=["Billing"],
        summary="Billed Subscriptions",
        responses=problems(401, 404, 422),
    )
    async def billed(
        organization: str, page: PageQuery, actor: Actor = Depends(http.current_actor)
    ) -> Page[SubscriptionView]:
        """All of yours in this portal, oldest first; cancel by `POST /v1/subscriptions/{id}/cancel`."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            rows = await deps.subscriptions.listed(
                session, found.id, actor.user_id, application_id=None, after=page.after, limit=page.fetch
            )
            views = await subscription_routes.views_of(session, deps.reader, deps.subscriptions, rows)
        return page.page(views, lambda view: view, lambda view: view.id)


def _stripe_credentials(router: APIRouter, deps: BillingRoutes) -> None:
    http = deps.http
    path = "/organizations/{organization}/stripe-credentials"

    @router.put(
        path,
        status_code=202,
        operation_id="connect_stripe",
        tags=["Stripe"],
        summary="Connect Stripe",
        responses=problems(401, 403, 404, 422, 503),
    )
    async def connect(
        organization: str, body: StripeKeys, prefer: Prefer = None, actor: Actor = Depends(http.current_actor)
    ) -> StripeConnectionView:
        """The keys are checked against Stripe; `pending` until that is done."""
        async with http.uow.transaction() as session:
            connection = await deps.stripe.connect(
                session,
                actor,
                organization,
                secret_key=body.secret_key.get_secret_value(),
                publishable_key=body.publishable_key,
            )

        async def read() -> StripeConnection:
            async with http.uow.transaction() as session:
                return await deps.stripe.read(session, actor, organization)

        seconds = wait_seconds(prefer)
        if seconds:
            connection = await wait_for(read, lambda found: found.status != "pending", seconds, deps.changes)
        return StripeConnectionView.of(connection)

    @router.get(
        path,
        operation_id="get_stripe_connection",
        tags=["Stripe"],
        summary="Read the Stripe connection",
        responses=problems(401, 403, 404),
    )
    async def read_connection(organization: str, actor: Actor = Depends(http.current_actor)) -> StripeConnectionView:
        """With the result of each check; never the secret key."""
        async with http.uow.transaction() as session:
            return StripeConnectionView.of(await deps.stripe.read(session, actor, organization))

    @router.delete(
        path,
        status_code=202,
        operation_id="disconnect_stripe",
        tags=["Stripe"],
        summary="Disconnect Stripe",
        responses=problems(401, 403, 404),
    )
    async def disconnect(organization: str, actor: Actor = Depends(http.current_actor)) -> StripeConnectionView:
        """The keys are forgotten; paid plans cannot be sold any more."""
        async with http.uow.transaction() as session:
            return StripeConnectionView.of(await deps.stripe.disconnect(session, actor, organization))
