"""Subscriptions, reservations, Checkouts and Stripe connections in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.adapters.tables import CheckoutRow, StripeConnectionRow, SubscriptionRow
from portal_api.billing.domain.stripe_keys import StripeConnection
from portal_api.billing.domain.subscription import ENDED, OVERDUE, Checkout, Subscription
from portal_api.storage.reads import forget, once
from shared.events.billing import StripeSubscriptionClosed

# A second request waits here for the first one's commit: exactly one gets the pair.
_RESERVE = text(
    "insert into subscription_reservations (application_id, api_id, subscription_id)"
    " values (:application, :api, :subscription) on conflict do nothing returning subscription_id"
)
_HOLDER = text(
    "select subscription_id from subscription_reservations where application_id = :application and api_id = :api"
)
_RELEASE = text("delete from subscription_reservations where subscription_id = :subscription")
_CLOSED = text(
    "insert into closed_subscriptions values (:subscription, :ended_at, :verified, :units, :invoice)"
    " on conflict (subscription_id) do nothing"
)


class PostgresSubscriptions:
    """Port SubscriptionStore."""

    async def reserve(self, session: AsyncSession, subscription: Subscription) -> str | None:
        """None = ours now; else who holds the pair."""
        connection = await session.connection()
        pair = {"application": subscription.application_id, "api": subscription.api_id}
        taken = await connection.execute(_RESERVE, {**pair, "subscription": subscription.id})
        if taken.first() is not None:
            return None
        return str((await connection.execute(_HOLDER, pair)).scalar_one())

    async def hold(self, session: AsyncSession, subscription: Subscription) -> None:
        """If nobody does."""
        connection = await session.connection()
        pair = {"application": subscription.application_id, "api": subscription.api_id}
        await connection.execute(_RESERVE, {**pair, "subscription": subscription.id})

    async def release(self, session: AsyncSession, subscription_id: str) -> None:
        """The pair is free."""
        connection = await session.connection()
        await connection.execute(_RELEASE, {"subscription": subscription_id})

    async def save(self, session: AsyncSession, subscription: Subscription) -> None:
        """New or changed."""
        await session.merge(SubscriptionRow(**asdict(subscription)))
        await session.flush()

    async def find(self, session: AsyncSession, subscription_id: str, *, lock: bool = False) -> Subscription | None:
        """By id."""
        row = await session.get(SubscriptionRow, subscription_id, with_for_update=lock, populate_existing=True)
        return Subscription(**row.model_dump()) if row else None

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
        """By id."""
        query = select(SubscriptionRow).where(
            SubscriptionRow.organization_id == organization_id, SubscriptionRow.developer_id == developer_id
        )
        if application_id is not None:
            query = query.where(SubscriptionRow.application_id == application_id)
        if after is not None:
            query = query.where(SubscriptionRow.id > after)
        rows = await session.exec(query.order_by(col(SubscriptionRow.id)).limit(limit))
        return [Subscription(**row.model_dump()) for row in rows]

    async def newest_of_developer(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, before: str | None, limit: int
    ) -> Sequence[Subscription]:
        """By id, descending."""
        query = select(SubscriptionRow).where(
            SubscriptionRow.organization_id == organization_id, SubscriptionRow.developer_id == developer_id
        )
        if before is not None:
            query = query.where(SubscriptionRow.id < before)
        rows = await session.exec(query.order_by(col(SubscriptionRow.id).desc()).limit(limit))
        return [Subscription(**row.model_dump()) for row in rows]

    async def overdue_of_developer(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, limit: int
    ) -> Sequence[Subscription]:
        """By id."""
        query = select(SubscriptionRow).where(
            SubscriptionRow.organization_id == organization_id,
            SubscriptionRow.developer_id == developer_id,
            col(SubscriptionRow.status).in_(OVERDUE),
        )
        rows = await session.exec(query.order_by(col(SubscriptionRow.id)).limit(limit))
        return [Subscription(**row.model_dump()) for row in rows]

    async def live_of_application(self, session: AsyncSession, application_id: str) -> Sequence[Subscription]:
        """Not ended."""
        query = select(SubscriptionRow).where(
            SubscriptionRow.application_id == application_id, col(SubscriptionRow.status).not_in(ENDED)
        )
        rows = await session.exec(query.order_by(col(SubscriptionRow.id)))
        return [Subscription(**row.model_dump()) for row in rows]

    async def live_count(self, session: AsyncSession, *, api_id: str | None, plan_id: str | None) -> int:
        """Not ended."""
        query = select(func.count()).select_from(SubscriptionRow).where(col(SubscriptionRow.status).not_in(ENDED))
        if api_id is not None:
            query = query.where(col(SubscriptionRow.api_id) == api_id)
        if plan_id is not None:
            query = query.where(col(SubscriptionRow.plan_id) == plan_id)
        return (await session.exec(query)).one()

    async def save_checkout(self, session: AsyncSession, checkout: Checkout) -> None:
        """The newest."""
        await session.merge(CheckoutRow(**asdict(checkout)))
        await session.flush()

    async def checkout(self, session: AsyncSession, subscription_id: str) -> Checkout | None:
        """Of a subscription."""
        row = await session.get(CheckoutRow, subscription_id, populate_existing=True)
        return Checkout(**row.model_dump()) if row else None

    async def checkouts(self, session: AsyncSession, subscription_ids: Sequence[str]) -> dict[str, Checkout]:
        """Of several."""
        if not subscription_ids:
            return {}
        query = select(CheckoutRow).where(col(CheckoutRow.subscription_id).in_(subscription_ids))
        rows = await session.exec(query.execution_options(populate_existing=True))
        return {row.subscription_id: Checkout(**row.model_dump()) for row in rows}

    async def save_closed(self, session: AsyncSession, closed: StripeSubscriptionClosed) -> None:
        """Once."""
        connection = await session.connection()
        values = {
            "subscription": closed.subscription_id,
            "ended_at": closed.ended_at,
            "verified": closed.verified,
            "units": closed.reported_units,
            "invoice": closed.final_invoice_id,
        }
        await connection.execute(_CLOSED, values)


class PostgresConnections:
    """Port ConnectionStore."""

    async def find(self, session: AsyncSession, organization_id: str) -> StripeConnection | None:
        """Locked."""
        row = await session.get(StripeConnectionRow, organization_id, with_for_update=True, populate_existing=True)
        return _to_connection(row) if row else None

    async def look(self, session: AsyncSession, organization_id: str) -> StripeConnection | None:
        """Not locked."""

        async def load() -> StripeConnection | None:
            row = await session.get(StripeConnectionRow, organization_id, populate_existing=True)
            return _to_connection(row) if row else None

        return await once(session, ("stripe connection", organization_id), load)

    async def save(self, session: AsyncSession, connection: StripeConnection) -> None:
        """New or changed."""
        forget(session)
        values = {**asdict(connection), "checks": list(connection.checks)}
        await session.merge(StripeConnectionRow(**values))
        await session.flush()


def _to_connection(row: StripeConnectionRow) -> StripeConnection:
    values = row.model_dump()
    return StripeConnection(**{**values, "checks": tuple(values["checks"])})
