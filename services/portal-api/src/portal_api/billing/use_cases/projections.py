"""What the other services say becomes the portal's read models. Repeats and old versions change nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.use_cases.applications import Applications
from portal_api.billing.domain.provider_view import StripeNews
from portal_api.billing.domain.stripe_keys import StripeConnection
from portal_api.billing.domain.subscription import Checkout, of_state
from portal_api.billing.domain.usage import newest_windows
from portal_api.billing.ports import (
    ConnectionStore,
    InvoiceStore,
    PortalSessionStore,
    StripeNewsStore,
    SubscriptionStore,
    UsageStore,
)
from portal_api.billing.use_cases.billing_portal import keep_answer
from portal_api.billing.use_cases.telling_usage import UsageTelling
from shared.events.billing import (
    BillingEvent,
    BillingPortalOpened,
    BillingPortalRefused,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutOpened,
    CheckoutRefused,
    CheckResult,
    InvoiceUpdated,
    MeterEventRefused,
    StripeConnected,
    StripeDisconnected,
    StripeRefused,
    StripeSubscriptionClosed,
    StripeSubscriptionUpdated,
    UsageReported,
)
from shared.events.envelope import event_type
from shared.events.subscriptions import SubscriptionState
from shared.events.usage import UsageWindow

# What happened at Stripe; the rest are answers to what we asked.
_NEWS = (CheckoutCompleted, CheckoutExpired, InvoiceUpdated, StripeSubscriptionUpdated, StripeSubscriptionClosed)


@dataclass(frozen=True, slots=True)
class Projections:
    """The use cases, with what they need."""

    subscriptions: SubscriptionStore
    usage: UsageStore
    invoices: InvoiceStore
    connections: ConnectionStore
    portal_sessions: PortalSessionStore
    applications: Applications
    news: StripeNewsStore
    telling: UsageTelling

    async def on_subscription(self, session: AsyncSession, state: SubscriptionState) -> None:
        """Keep the newest; a cancellation frees the pair, an end perhaps an application that is being deleted."""
        known = await self.subscriptions.find(session, state.subscription_id, lock=True)
        if known is not None and known.version >= state.version:
            return
        subscription = of_state(state)
        await self.subscriptions.save(session, subscription)
        await self.telling.note(session, {state.subscription_id: state.number})
        if not subscription.is_over:
            await self.subscriptions.hold(session, subscription)
            return
        await self.subscriptions.release(session, subscription.id)
        if subscription.is_ended and not await self.subscriptions.live_of_application(
            session, subscription.application_id
        ):
            await self.applications.forget_ended(session, subscription.application_id)

    async def on_windows(self, session: AsyncSession, windows: Sequence[UsageWindow]) -> None:
        """Keep the highest revisions."""
        await self.usage.apply(session, newest_windows(windows))
        await self.telling.note(
            session, {window.subscription_id: window.subscription_number for window in windows if window.billable}
        )

    async def on_complete(self, session: AsyncSession, partition: int, until: datetime) -> None:
        """Everything called before is in, as far as this partition goes."""
        await self.usage.set_complete(session, partition, until)

    async def on_billing(self, session: AsyncSession, event: BillingEvent, at: datetime | None = None) -> None:
        """Keep what Stripe's side says. Stripe's own subscription state comes to us by the subscriptions service."""
        if isinstance(event, _NEWS) and at is not None:
            await self._note_news(session, event, at)
        match event:
            case InvoiceUpdated():
                await self.invoices.save(session, event)
            case UsageReported():
                await self.usage.save_reported(session, event)
            case MeterEventRefused():
                await self.usage.save_refused(session, event)
            case StripeSubscriptionClosed():
                await self.subscriptions.save_closed(session, event)
            case CheckoutOpened() | CheckoutRefused() | CheckoutCompleted() | CheckoutExpired():
                await self._on_checkout(session, event)
            case BillingPortalOpened() | BillingPortalRefused():
                await keep_answer(self.portal_sessions, session, event)
            case StripeConnected() | StripeRefused() | StripeDisconnected():
                await self._on_connection(session, event)
            case _:
                return

    async def _note_news(self, session: AsyncSession, event: BillingEvent, at: datetime) -> None:
        organization = getattr(event, "organization_id", None)
        if organization is None:
            known = await self.subscriptions.find(session, getattr(event, "subscription_id", ""))
            organization = known.organization_id if known else None
        if organization is not None:
            kind = event_type(event).rpartition(".v")[0]
            await self.news.save_stripe_news(session, organization, StripeNews(kind, at))

    async def _on_checkout(
        self, session: AsyncSession, event: CheckoutOpened | CheckoutRefused | CheckoutCompleted | CheckoutExpired
    ) -> None:
        known = await self.subscriptions.checkout(session, event.subscription_id)
        if isinstance(event, CheckoutRefused):
            checkout = Checkout(event.subscription_id, "refused", problem=event.problem, problem_detail=event.detail)
        elif isinstance(event, CheckoutOpened):
            checkout = Checkout(event.subscription_id, "opened", event.session_id, event.url, event.expires_at)
        else:
            done = "completed" if isinstance(event, CheckoutCompleted) else "expired"
            if known is not None and known.session_id not in (None, event.session_id):
                return  # an older session's end says nothing about the one that is open
            checkout = Checkout(
                event.subscription_id, "completed" if done == "completed" else "expired", event.session_id
            )
        await self.subscriptions.save_checkout(session, checkout)

    async def _on_connection(
        self, session: AsyncSession, event: StripeConnected | StripeRefused | StripeDisconnected
    ) -> None:
        known = await self.connections.find(session, event.organization_id)
        connection = known or StripeConnection(event.organization_id)
        if isinstance(event, StripeDisconnected):
            await self.connections.save(
                session, StripeConnection(event.organization_id, pending_connection_id=connection.pending_connection_id)
            )
            return
        pending = connection.pending_connection_id
        pending = None if pending == event.connection_id else pending
        checks = tuple(_check(check) for check in event.checks)
        if isinstance(event, StripeRefused):
            changed = replace(
                connection,
                pending_connection_id=pending,
                checks=checks,
                problem=event.problem,
                problem_detail=event.detail,
            )
        else:
            changed = StripeConnection(
                organization_id=event.organization_id,
                connected=True,
                pending_connection_id=pending,
                connection_id=event.connection_id,
                account_id=event.account_id,
                livemode=event.livemode,
                charges_enabled=event.charges_enabled,
                publishable_key=event.publishable_key,
                checks=checks,
            )
        await self.connections.save(session, changed)


def _check(check: CheckResult) -> dict[str, str]:
    return {"name": check.name, "outcome": check.outcome, "detail": check.detail}
