"""Records of four topics: decode, call the use case in the consumer's transaction."""

from collections.abc import Callable, Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clock import Clock, real_now
from shared.events.billing import (
    BillingEvent,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutRefused,
    StripeDisconnected,
    StripeSubscriptionClosed,
    StripeSubscriptionUpdated,
)
from shared.events.catalog import ApiState, PlanState
from shared.events.subscriptions import (
    PaymentGraceSet,
    SubscriptionCancelRequested,
    SubscriptionCommand,
    SubscriptionRequested,
    SubscriptionResumeRequested,
)
from shared.events.topics import BILLING_EVENTS, CATALOG_APIS, CATALOG_PLANS, SUBSCRIPTIONS_COMMANDS, Topic
from shared.messaging.record import Handler, each
from subscriptions.domain.subscription import At
from subscriptions.ports import Store
from subscriptions.use_cases.apply_billing_event import apply_billing_event, apply_stripe_disconnected
from subscriptions.use_cases.cancel_subscription import cancel_subscription, resume_subscription
from subscriptions.use_cases.follow_catalog import follow_api, follow_plan
from subscriptions.use_cases.request_subscription import request_subscription
from subscriptions.use_cases.set_payment_grace import set_payment_grace

StoreFactory = Callable[[AsyncSession], Store]


class Consumers:
    """One method per kind of record."""

    def __init__(self, stores: StoreFactory, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    def handlers(self) -> Mapping[Topic, Handler]:
        """In the order in which a poll is worked through: first the catalogue, then what rests on it."""
        return {
            CATALOG_APIS: each(ApiState, self.on_api),
            CATALOG_PLANS: each(PlanState, self.on_plan),
            SUBSCRIPTIONS_COMMANDS: each(SubscriptionCommand, self.on_command),
            BILLING_EVENTS: each(BillingEvent, self.on_billing_event),
        }

    def _at(self) -> At:
        return At(business=self._clock.now(), real=real_now())

    async def on_api(self, session: AsyncSession, api: ApiState) -> None:
        """catalog.apis"""
        await follow_api(self._stores(session), api, self._at())

    async def on_plan(self, session: AsyncSession, plan: PlanState) -> None:
        """catalog.plans"""
        await follow_plan(self._stores(session), plan, self._at())

    async def on_command(self, session: AsyncSession, command: SubscriptionCommand) -> None:
        """subscriptions.commands"""
        store = self._stores(session)
        match command:
            case SubscriptionRequested():
                await request_subscription(store, command, self._at())
            case SubscriptionCancelRequested():
                await cancel_subscription(store, command, self._at())
            case SubscriptionResumeRequested():
                await resume_subscription(store, command)
            case PaymentGraceSet():
                await set_payment_grace(store, command)

    async def on_billing_event(self, session: AsyncSession, event: BillingEvent) -> None:
        """billing.events; invoices, usage reports and connections are portal-api's matter."""
        store = self._stores(session)
        match event:
            case (
                CheckoutCompleted()
                | CheckoutExpired()
                | CheckoutRefused()
                | StripeSubscriptionClosed()
                | StripeSubscriptionUpdated()
            ):
                await apply_billing_event(store, event, self._at())
            case StripeDisconnected():
                await apply_stripe_disconnected(store, event)
            case _:
                return
