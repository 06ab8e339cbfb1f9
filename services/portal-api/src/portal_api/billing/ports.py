"""What billing needs from outside."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.portal_session import PortalSession
from portal_api.billing.domain.provider_view import CallCount, StripeNews, SubscriberRow
from portal_api.billing.domain.stripe_keys import StripeConnection
from portal_api.billing.domain.subscription import Checkout, Subscription
from portal_api.billing.domain.telling import Telling
from portal_api.billing.domain.usage import DayTotal, PeriodTotal
from shared.events.billing import InvoiceUpdated, MeterEventRefused, StripeSubscriptionClosed, UsageReported
from shared.events.envelope import Event
from shared.events.topics import Topic
from shared.events.usage import UsageWindow


class Publisher(Protocol):
    """The transactional outbox."""

    async def publish(self, session: AsyncSession, topic: Topic, key: str, event: Event) -> None:
        """Publish if and when the session's transaction commits."""
        ...


class TellingStore(Protocol):
    """Of which subscriptions callers are told something."""

    async def note(self, session: AsyncSession, numbers: Mapping[str, int]) -> None:
        """There may be news of these, subscription id to number."""
        ...

    async def due(self, session: AsyncSession, limit: int) -> Sequence[Telling]:
        """Those with news, locked."""
        ...

    async def save(self, session: AsyncSession, telling: Telling) -> None:
        """It was told."""
        ...

    async def again(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Tell the next ones anew; their ids."""
        ...


class Sealer(Protocol):
    """Closes a secret so that only billing-sync can open it."""

    def seal(self, secret: str) -> str:
        """Base64. Raises DomainError where no key is configured."""
        ...


class SubscriptionStore(Protocol):
    """Subscriptions, the pairs they hold, and their Checkouts."""

    async def reserve(self, session: AsyncSession, subscription: Subscription) -> str | None:
        """Hold (application, API); the id of the subscription that holds it already, if one does."""
        ...

    async def hold(self, session: AsyncSession, subscription: Subscription) -> None:
        """Hold the pair if nobody does: a live one heard of (a rebuilt read model)."""
        ...

    async def release(self, session: AsyncSession, subscription_id: str) -> None:
        """It ended: the pair is free."""
        ...

    async def save(self, session: AsyncSession, subscription: Subscription) -> None:
        """Keep it, new or changed."""
        ...

    async def find(self, session: AsyncSession, subscription_id: str, *, lock: bool = False) -> Subscription | None:
        """By id."""
        ...

    async def of_developer(
        self,
        session: AsyncSession,
        organization_id: str,
        developer_id: str,
        *,
        application_id: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Sequence[Subscription]:
        """A developer's in an organization, by id."""
        ...

    async def newest_of_developer(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, before: str | None, limit: int
    ) -> Sequence[Subscription]:
        """A developer's in an organization, the newest first."""
        ...

    async def overdue_of_developer(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, limit: int
    ) -> Sequence[Subscription]:
        """Those whose payment failed."""
        ...

    async def live_of_application(self, session: AsyncSession, application_id: str) -> Sequence[Subscription]:
        """Those that have not ended."""
        ...

    async def live_count(self, session: AsyncSession, *, api_id: str | None, plan_id: str | None) -> int:
        """Those that have not ended, of an API or a plan."""
        ...

    async def save_checkout(self, session: AsyncSession, checkout: Checkout) -> None:
        """Keep the newest."""
        ...

    async def checkout(self, session: AsyncSession, subscription_id: str) -> Checkout | None:
        """Of a subscription."""
        ...

    async def checkouts(self, session: AsyncSession, subscription_ids: Sequence[str]) -> dict[str, Checkout]:
        """Of several subscriptions, by id."""
        ...

    async def save_closed(self, session: AsyncSession, closed: StripeSubscriptionClosed) -> None:
        """The final invoice is verified."""
        ...


class PortalSessionStore(Protocol):
    """Billing portal sessions."""

    async def find(self, session: AsyncSession, session_id: str) -> PortalSession | None:
        """By id."""
        ...

    async def save(self, session: AsyncSession, portal_session: PortalSession) -> None:
        """New or changed."""
        ...


class GraceStore(Protocol):
    """What organizations grant while a payment is overdue."""

    async def grace(self, session: AsyncSession, organization_id: str) -> int | None:
        """Days; None: nothing was set."""
        ...

    async def save_grace(self, session: AsyncSession, organization_id: str, days: int) -> None:
        """New or changed."""
        ...


class UsageStore(Protocol):
    """Usage windows and their sums."""

    async def apply(self, session: AsyncSession, windows: Sequence[UsageWindow]) -> None:
        """Keep the higher revisions, and move the totals by the differences. One window per key."""
        ...

    async def totals(self, session: AsyncSession, subscription_ids: Sequence[str]) -> Sequence[PeriodTotal]:
        """All periods of these."""
        ...

    async def days(
        self, session: AsyncSession, subscription_ids: Sequence[str], since: date, until: date
    ) -> Sequence[DayTotal]:
        """From the one day to the other, both included (UTC); by day."""
        ...

    async def units_before(
        self, session: AsyncSession, subscription_ids: Sequence[str], since: date
    ) -> dict[tuple[str, datetime, int], int]:
        """Billed units before a day, by (subscription, period start, plan version)."""
        ...

    async def set_complete(self, session: AsyncSession, partition: int, until: datetime) -> None:
        """Everything before is in, of this partition."""
        ...

    async def complete_until(self, session: AsyncSession) -> datetime | None:
        """Everything before is in, of all partitions."""
        ...

    async def save_reported(self, session: AsyncSession, reported: UsageReported) -> None:
        """What Stripe was told of a period."""
        ...

    async def save_refused(self, session: AsyncSession, refused: MeterEventRefused) -> None:
        """Stripe would not take it."""
        ...


class ProviderView(Protocol):
    """Read models as a provider needs them."""

    async def subscribers(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        api_id: str | None,
        status: str | None,
        search: str,
        after: str | None,
        limit: int,
    ) -> Sequence[SubscriberRow]:
        """Newest first; `search` in customer and application, or a subscription's id."""
        ...

    async def live_counts(self, session: AsyncSession, organization_id: str) -> Sequence[tuple[str, str, int]]:
        """(API, plan, subscriptions that have not ended)."""
        ...

    async def calls(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        api_id: str | None,
        since: datetime,
        until: datetime,
        step: timedelta,
    ) -> list[CallCount]:
        """Production calls in stretches of `step` from `since` on."""
        ...

    async def live_count(
        self, session: AsyncSession, organization_id: str, *, api_id: str | None, plan_id: str | None
    ) -> int:
        """Subscriptions that have not ended, of one API or plan."""
        ...

    async def running(self, session: AsyncSession, organization_id: str) -> Sequence[tuple[str, int, int, int]]:
        """(plan, plan version, subscriptions whose fee runs, subscriptions that have not ended)."""
        ...

    async def stripe_news(self, session: AsyncSession, organization_id: str) -> StripeNews | None:
        """What was heard of its Stripe account last."""
        ...

    async def had_billed_call(self, session: AsyncSession, organization_id: str) -> tuple[bool, bool]:
        """(whether anybody ever made one, whether one under a plan that costs money)."""
        ...

    async def present_units(
        self, session: AsyncSession, organization_id: str, now: datetime
    ) -> Sequence[tuple[int, int, int]]:
        """(plan version, billed units, subscriptions that have just so many) of running periods."""
        ...


class StripeNewsStore(Protocol):
    """What was heard of each Stripe account last."""

    async def save_stripe_news(self, session: AsyncSession, organization_id: str, news: StripeNews) -> None:
        """Unless something later is known."""
        ...


class InvoiceStore(Protocol):
    """Mirrored invoices."""

    async def save(self, session: AsyncSession, invoice: InvoiceUpdated) -> None:
        """Keep it unless a later observation is known."""
        ...

    async def find(self, session: AsyncSession, invoice_id: str) -> InvoiceUpdated | None:
        """By Stripe's id."""
        ...

    async def of_developer(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, after: str | None, limit: int
    ) -> Sequence[InvoiceUpdated]:
        """Newest first."""
        ...


class ConnectionStore(Protocol):
    """Stripe connections of organizations."""

    async def find(self, session: AsyncSession, organization_id: str) -> StripeConnection | None:
        """Locked until the transaction ends."""
        ...

    async def look(self, session: AsyncSession, organization_id: str) -> StripeConnection | None:
        """Not locked."""
        ...

    async def save(self, session: AsyncSession, connection: StripeConnection) -> None:
        """New or changed."""
        ...
