"""Subscriptions and the ends of many, in PostgreSQL: row <-> domain."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, update
from sqlalchemy import select as sa_select
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.adapters.tables import ClosingRow, GraceRow, ParkedRow, SubscriptionRow
from subscriptions.domain.deadlines import due
from subscriptions.domain.lifecycle import LIVE
from subscriptions.domain.policy import Policy
from subscriptions.domain.subscription import Subscription
from subscriptions.ports import Closing, Work

_FIELDS = tuple(field.name for field in fields(Subscription))
_COLUMNS = ("due_at", "due_real_at", *(name for name in _FIELDS if name != "subscription_id"))
# Built once: building it anew for each save would cost more than the database does.
_SAVE = (
    update(SubscriptionRow)
    .where(col(SubscriptionRow.subscription_id) == bindparam("saved_id"))
    .values({name: bindparam(name) for name in _COLUMNS})
    .returning(col(SubscriptionRow.number))
    .execution_options(synchronize_session=False)
)


def from_row(row: SubscriptionRow) -> Subscription:
    """The domain's view of a row: the same names, without the timers' columns."""
    return Subscription(**{name: getattr(row, name) for name in _FIELDS})


def to_row(subscription: Subscription, policy: Policy) -> dict[str, Any]:
    """The columns of a subscription, with the instants at which time changes it."""
    when = due(subscription, policy)
    columns = {name: getattr(subscription, name) for name in _FIELDS}
    return {**columns, "due_at": when.business, "due_real_at": when.real}


class PostgresSubscriptions:
    """The port `Subscriptions`."""

    def __init__(self, session: AsyncSession, policy: Policy) -> None:
        self._session = session
        self._policy = policy

    async def get(self, subscription_id: str) -> Subscription | None:
        """One of them, locked."""
        row = await self._session.get(SubscriptionRow, subscription_id, with_for_update=True, populate_existing=True)
        return from_row(row) if row else None

    async def of_pair(self, application_id: str, api_id: str) -> Sequence[Subscription]:
        """All of a pair, as other transactions last committed them: the pair's lock orders who decides."""
        statement = (
            select(SubscriptionRow)
            .where(SubscriptionRow.application_id == application_id, SubscriptionRow.api_id == api_id)
            .execution_options(populate_existing=True)
        )
        return [from_row(row) for row in await self._session.exec(statement)]

    async def add(self, subscription: Subscription) -> Subscription:
        """Store a new one; the sequence skips numbers on a rollback and never repeats one."""
        number = await self._session.scalar(sa_select(func.nextval("subscription_number")))
        numbered = replace(subscription, number=number or 0)
        if numbered.number <= 0:
            raise ValueError("the sequence gave no number")
        self._session.add(SubscriptionRow(**to_row(numbered, self._policy)))
        await self._session.flush()
        return numbered

    async def save(self, subscription: Subscription) -> None:
        """Store a changed one, which this transaction has locked."""
        columns = to_row(subscription, self._policy)
        columns["saved_id"] = columns.pop("subscription_id")
        if await self._session.scalar(_SAVE, columns) is None:
            raise LookupError(subscription.subscription_id)

    async def due(self, business: datetime, real: datetime, limit: int) -> Sequence[Subscription]:
        """Those on which time has something to do."""
        statement = (
            select(SubscriptionRow)
            .where(or_(col(SubscriptionRow.due_at) <= business, col(SubscriptionRow.due_real_at) <= real))
            .order_by(col(SubscriptionRow.due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return [from_row(row) for row in await self._session.exec(statement)]

    async def of_closing(self, closing: Closing, limit: int) -> Sequence[Subscription]:
        """Those still to end. Waits for locks: a skipped row would never be ended."""
        statement = select(SubscriptionRow).where(col(SubscriptionRow.number) <= closing.upto_number)
        if closing.api_id:
            statement = statement.where(
                SubscriptionRow.api_id == closing.api_id, col(SubscriptionRow.status).in_(("pending_payment", *LIVE))
            )
        else:
            statement = statement.where(
                SubscriptionRow.organization_id == closing.organization_id,
                col(SubscriptionRow.paid),
                col(SubscriptionRow.status).in_(("pending_payment", "canceling", *LIVE)),
            )
        statement = statement.order_by(col(SubscriptionRow.number)).limit(limit).with_for_update()
        rows = await self._session.exec(statement.execution_options(populate_existing=True))
        return [from_row(row) for row in rows]

    async def page(self, after_number: int, limit: int) -> Sequence[Subscription]:
        """All of them in the order of their numbers, locked: for republishing."""
        statement = (
            select(SubscriptionRow)
            .where(col(SubscriptionRow.number) > after_number)
            .order_by(col(SubscriptionRow.number))
            .limit(limit)
            .with_for_update()
        )
        return [from_row(row) for row in await self._session.exec(statement)]


class PostgresGraces:
    """The port `Graces`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, organization_id: str, grace_days: int, set_at: datetime) -> None:
        """The newest stays."""
        known = await self._session.get(GraceRow, organization_id, with_for_update=True)
        if known is None or known.set_at <= set_at:
            await self._session.merge(GraceRow(organization_id=organization_id, grace_days=grace_days, set_at=set_at))
            await self._session.flush()

    async def of(self, organization_id: str) -> timedelta | None:
        """None: nothing was set."""
        row = await self._session.get(GraceRow, organization_id, populate_existing=True)
        return timedelta(days=row.grace_days) if row else None


class PostgresAgenda:
    """The port `Agenda`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def look(self, business: datetime, real: datetime) -> Work:
        """In one statement: it is asked several times a second, mostly in vain."""
        is_due = or_(col(SubscriptionRow.due_at) <= business, col(SubscriptionRow.due_real_at) <= real)
        statement = sa_select(
            sa_select(col(SubscriptionRow.number)).where(is_due).exists(),
            sa_select(func.count()).select_from(ParkedRow).scalar_subquery(),
            sa_select(col(ClosingRow.closing_id)).exists(),
        )
        due, parked, closing = (await self._session.execute(statement)).one()
        return Work(due=due, parked=parked, closing=closing)


class PostgresClosings:
    """The port `Closings`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, *, api_id: str = "", organization_id: str = "") -> None:
        """Remember the work, and which subscriptions are meant."""
        newest = await self._session.scalar(sa_select(func.coalesce(func.max(SubscriptionRow.number), 0)))
        self._session.add(ClosingRow(api_id=api_id, organization_id=organization_id, upto_number=newest or 0))
        await self._session.flush()

    async def next(self) -> Closing | None:
        """The oldest that no other replica works on."""
        statement = select(ClosingRow).order_by(col(ClosingRow.closing_id)).limit(1).with_for_update(skip_locked=True)
        row = (await self._session.exec(statement)).first()
        if row is None or row.closing_id is None:
            return None
        return Closing(row.closing_id, row.api_id, row.organization_id, row.upto_number)

    async def finish(self, closing: Closing) -> None:
        """Nothing is left of it."""
        row = await self._session.get(ClosingRow, closing.closing_id)
        if row is not None:
            await self._session.delete(row)
            await self._session.flush()
