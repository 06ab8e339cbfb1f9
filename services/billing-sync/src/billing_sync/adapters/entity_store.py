"""Catalogue, accounts and subscriptions in PostgreSQL."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import CursorResult, text
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from billing_sync.adapters import tables as t
from billing_sync.domain import records as r
from shared.events.catalog import PlanState, PlanVersion

_encoder = msgspec.json.Encoder(decimal_format="string")
R = TypeVar("R")

_STALE = text(
    "select subscription_id from subscriptions where stripe_subscription_id is not null"
    " and stripe_status not in ('canceled', 'incomplete_expired')"
    " and (refreshed_at < :before or (stripe_period_end < :ended and refreshed_at < stripe_period_end))"
    " union all select subscription_id from subscriptions where session_status = 'open'"
    " and status = 'pending_payment' and (refreshed_at is null or refreshed_at < :before) limit 200"
)


class Store:
    """What the stores of one transaction share: its session, and saving by name."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def run(self, statement: Any, values: dict[str, Any]) -> CursorResult[Any]:
        """A text statement with parameters."""
        return await self.session.execute(statement, values)  # type: ignore[return-value]

    async def save(self, row: type[SQLModel], record: Any) -> None:
        """Insert or update by primary key."""
        await self.session.merge(row(**t.columns(record)))
        await self.session.flush()

    async def get(self, kind: type[R], row: type[SQLModel], key: Any, *, lock: bool = False) -> R | None:
        """One record, fresh from the database."""
        found = await self.session.get(row, key, populate_existing=True, with_for_update={} if lock else None)
        return None if found is None else t.to_record(kind, found)


class EntityStore(Store):
    """CatalogStore, AccountStore and SubscriptionStore of the ports."""

    async def save_api(self, api: r.Api) -> None:
        """Newer versions only."""
        known = await self.api(api.api_id)
        if known is None or known.version < api.version:
            await self.save(t.ApiRow, api)

    async def api(self, api_id: str) -> r.Api | None:
        """By id."""
        return await self.get(r.Api, t.ApiRow, api_id)

    async def save_plan(self, plan: PlanState) -> None:
        """The plan's name, and its versions, which never change."""
        await self.run(
            text(
                "insert into plans(plan_id, version, name) values (:plan_id, :version, :name) on conflict (plan_id)"
                " do update set version = excluded.version, name = excluded.name where plans.version < excluded.version"
            ),
            {"plan_id": plan.plan_id, "version": plan.version, "name": plan.name},
        )
        for version in plan.versions:
            await self.run(
                text(
                    "insert into plan_versions(number, plan_id, body) values (:number, :plan_id, :body)"
                    " on conflict do nothing"
                ),
                {"number": version.number, "plan_id": plan.plan_id, "body": _encoder.encode(version)},
            )

    async def plan_name(self, plan_id: str) -> str | None:
        """By id."""
        return (await self.run(text("select name from plans where plan_id = :id"), {"id": plan_id})).scalar()

    async def plan_version(self, number: int) -> PlanVersion | None:
        """By number."""
        body = (await self.run(text("select body from plan_versions where number = :n"), {"n": number})).scalar()
        return None if body is None else msgspec.json.decode(body, type=PlanVersion)

    async def save_developer(self, developer: r.Developer) -> None:
        """Newer versions only."""
        known = await self.developer(developer.developer_id)
        if known is None or known.version < developer.version:
            await self.save(t.DeveloperRow, developer)

    async def developer(self, developer_id: str) -> r.Developer | None:
        """By id."""
        return await self.get(r.Developer, t.DeveloperRow, developer_id)

    async def connection(self, connection_id: str) -> r.Connection | None:
        """By id."""
        return await self.get(r.Connection, t.ConnectionRow, connection_id)

    async def save_connection(self, connection: r.Connection) -> None:
        """Insert or update."""
        await self.save(t.ConnectionRow, connection)

    async def portal_request(self, request_id: str) -> r.PortalRequest | None:
        """By id."""
        return await self.get(r.PortalRequest, t.PortalRequestRow, request_id)

    async def save_portal_request(self, request: r.PortalRequest) -> None:
        """Insert or update."""
        await self.save(t.PortalRequestRow, request)

    async def account(self, organization_id: str) -> r.Account | None:
        """By organization."""
        return await self.get(r.Account, t.AccountRow, organization_id)

    async def save_account(self, account: r.Account) -> None:
        """Insert or update."""
        await self.save(t.AccountRow, account)

    async def stripe_object(self, account_id: str, kind: str, key: str) -> str | None:
        """The id of what we made."""
        rows = await self.run(
            text("select stripe_id from stripe_objects where account_id = :a and kind = :k and key = :key"),
            {"a": account_id, "k": kind, "key": key},
        )
        return rows.scalar()

    async def save_stripe_object(self, account_id: str, kind: str, key: str, stripe_id: str) -> None:
        """The first id stays: two Checkouts that made the same thing agree on one."""
        await self.run(
            text(
                "insert into stripe_objects(account_id, kind, key, stripe_id) values (:a, :k, :key, :id)"
                " on conflict do nothing"
            ),
            {"a": account_id, "k": kind, "key": key, "id": stripe_id},
        )

    async def subscription(self, subscription_id: str) -> r.Subscription | None:
        """Locks the row until the transaction ends."""
        return await self.get(r.Subscription, t.SubscriptionRow, subscription_id, lock=True)

    async def save_subscription(self, subscription: r.Subscription) -> None:
        """Insert or update."""
        await self.save(t.SubscriptionRow, subscription)

    async def subscription_id_by_session(self, organization_id: str, session_id: str) -> str | None:
        """By Checkout Session."""
        rows = await self.run(
            text("select subscription_id from subscriptions where organization_id = :o and session_id = :s"),
            {"o": organization_id, "s": session_id},
        )
        return rows.scalar()

    async def subscription_id_by_stripe(self, organization_id: str, stripe_subscription_id: str) -> str | None:
        """By Stripe's subscription."""
        rows = await self.run(
            text(
                "select subscription_id from subscriptions where organization_id = :o and stripe_subscription_id = :s"
            ),
            {"o": organization_id, "s": stripe_subscription_id},
        )
        return rows.scalar()

    async def taken_slots(self, customer_id: str, api_id: str, plan_id: str) -> set[int]:
        """Slots in use; a lock on the customer keeps a second Checkout from taking the same one."""
        await self.run(text("select pg_advisory_xact_lock(hashtextextended(:c, 0))"), {"c": customer_id})
        rows = await self.run(
            text(
                "select slot from subscriptions where customer_id = :c and api_id = :a and plan_id = :p"
                " and slot is not null and not slot_freed"
            ),
            {"c": customer_id, "a": api_id, "p": plan_id},
        )
        return set(rows.scalars())

    async def stale_subscriptions(self, refreshed_before: datetime, ended_before: datetime) -> list[str]:
        """Live ones not looked at for long, or whose period is over; open sessions; at most 200 at a time."""
        rows = await self.run(_STALE, {"before": refreshed_before, "ended": ended_before})
        return list(rows.scalars())

    async def save_period(self, subscription_id: str, start: datetime, end: datetime) -> None:
        """A period's bounds never change once known."""
        await self.run(
            text(
                "insert into billing_periods(subscription_id, period_start, period_end, closed)"
                " values (:s, :start, :end, false) on conflict do nothing"
            ),
            {"s": subscription_id, "start": start, "end": end},
        )

    async def close_period(self, subscription_id: str, start: datetime) -> None:
        """Its invoice is final."""
        await self.run(
            text("update billing_periods set closed = true where subscription_id = :s and period_start = :start"),
            {"s": subscription_id, "start": start},
        )

    async def periods(self, subscription_id: str) -> list[r.Period]:
        """Oldest first."""
        rows = await self.session.exec(
            select(t.PeriodRow)
            .where(t.PeriodRow.subscription_id == subscription_id)
            .order_by(col(t.PeriodRow.period_start))
            .execution_options(populate_existing=True)
        )
        return [t.to_record(r.Period, row) for row in rows]
