"""The catalogue as read, the requests that wait for it, and the access entries, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, update
from sqlalchemy import select as sa_select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.events.catalog import ApiState, PlanState
from shared.events.envelope import decode, encode
from shared.events.subscriptions import AccessEntryState, SubscriptionRequested
from subscriptions.adapters.tables import AccessRow, ApiRow, ParkedRow, PlanRow
from subscriptions.domain.requesting import Seen

# Built once: building it anew for each save would cost more than the database does.
_SAVE_ENTRY = (
    update(AccessRow)
    .where(col(AccessRow.application_id) == bindparam("of_application"), col(AccessRow.api_id) == bindparam("of_api"))
    .values(state=bindparam("encoded"))
    .returning(col(AccessRow.api_id))
    .execution_options(synchronize_session=False)
)


class PostgresCatalog:
    """The port `Catalog`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def seen(self, api_id: str, plan_id: str) -> Seen:
        """Both, as far as they were read."""
        statement = select(ApiRow.state).where(ApiRow.api_id == api_id)
        state = (await self._session.exec(statement)).first()
        return Seen(api=decode(state, ApiState) if state else None, plan=await self.plan(plan_id))

    async def plan(self, plan_id: str) -> PlanState | None:
        """One plan."""
        state = (await self._session.exec(select(PlanRow.state).where(PlanRow.plan_id == plan_id))).first()
        return decode(state, PlanState) if state else None

    async def put_api(self, api: ApiState) -> bool:
        """Compare-and-set by version, in one statement."""
        added = insert(ApiRow).values(api_id=api.api_id, version=api.version, state=encode(api))
        statement = added.on_conflict_do_update(
            index_elements=["api_id"],
            set_={"version": added.excluded.version, "state": added.excluded.state},
            where=col(ApiRow.version) < added.excluded.version,
        ).returning(col(ApiRow.version))
        return await self._session.scalar(statement) is not None

    async def put_plan(self, plan: PlanState) -> bool:
        """Compare-and-set by version, in one statement."""
        added = insert(PlanRow).values(plan_id=plan.plan_id, version=plan.version, state=encode(plan))
        statement = added.on_conflict_do_update(
            index_elements=["plan_id"],
            set_={"version": added.excluded.version, "state": added.excluded.state},
            where=col(PlanRow.version) < added.excluded.version,
        ).returning(col(PlanRow.version))
        return await self._session.scalar(statement) is not None


class PostgresParked:
    """The port `Parked`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def park(self, command: SubscriptionRequested, until: datetime) -> None:
        """Keep it; a second time changes nothing."""
        values = {
            "subscription_id": command.subscription_id,
            "api_id": command.api_id,
            "api_version": command.api_version,
            "plan_id": command.plan_id,
            "plan_version": command.plan_version,
            "command": encode(command),
            "parked_until": until,
        }
        await self._session.scalar(
            insert(ParkedRow).values(**values).on_conflict_do_nothing().returning(col(ParkedRow.subscription_id))
        )

    async def take(self, subscription_id: str) -> SubscriptionRequested | None:
        """Remove one and return it."""
        statement = (
            delete(ParkedRow)
            .where(col(ParkedRow.subscription_id) == subscription_id)
            .returning(col(ParkedRow.command))
            .execution_options(synchronize_session=False)
        )
        command: bytes | None = await self._session.scalar(statement)
        return decode(command, SubscriptionRequested) if command else None

    async def ready(self, limit: int, *, api_id: str = "", plan_id: str = "") -> Sequence[SubscriptionRequested]:
        """Those whose API and plan were read in the named versions."""
        statement = (
            select(ParkedRow.command)
            .join(ApiRow, (col(ApiRow.api_id) == ParkedRow.api_id) & (col(ApiRow.version) >= ParkedRow.api_version))
            .join(
                PlanRow, (col(PlanRow.plan_id) == ParkedRow.plan_id) & (col(PlanRow.version) >= ParkedRow.plan_version)
            )
        )
        if api_id:
            statement = statement.where(ParkedRow.api_id == api_id)
        if plan_id:
            statement = statement.where(ParkedRow.plan_id == plan_id)
        statement = statement.order_by(col(ParkedRow.parked_until)).limit(limit)
        rows = await self._session.exec(statement.with_for_update(skip_locked=True, of=ParkedRow))
        return [decode(command, SubscriptionRequested) for command in rows]

    async def overdue(self, real: datetime, limit: int) -> Sequence[SubscriptionRequested]:
        """Those that waited too long."""
        statement = (
            select(ParkedRow.command)
            .where(col(ParkedRow.parked_until) <= real)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [decode(command, SubscriptionRequested) for command in await self._session.exec(statement)]


class PostgresAccessEntries:
    """The port `AccessEntries`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, application_id: str, api_id: str) -> AccessEntryState | None:
        """The row is the pair's lock, also before anything was published."""
        row = await self._row(application_id, api_id)
        if row is None:
            added = insert(AccessRow).values(application_id=application_id, api_id=api_id)
            await self._session.scalar(added.on_conflict_do_nothing().returning(col(AccessRow.api_id)))
            row = await self._row(application_id, api_id)
        if row is None:
            raise LookupError(f"{application_id}/{api_id}")
        return decode(row.state, AccessEntryState) if row.state else None

    async def save(self, entry: AccessEntryState) -> None:
        """Store it; the transaction has its lock."""
        values = {"of_application": entry.application_id, "of_api": entry.api_id, "encoded": encode(entry)}
        if await self._session.scalar(_SAVE_ENTRY, values) is None:
            raise LookupError(f"{entry.application_id}/{entry.api_id}")

    async def page(self, after: tuple[str, str], limit: int) -> Sequence[AccessEntryState]:
        """All of them in the order of their keys, locked: for republishing."""
        statement = (
            sa_select(AccessRow)
            .where(func.row(AccessRow.application_id, AccessRow.api_id) > func.row(*after))
            .where(col(AccessRow.state).is_not(None))
            .order_by(col(AccessRow.application_id), col(AccessRow.api_id))
            .limit(limit)
            .with_for_update()
        )
        rows = await self._session.scalars(statement)
        return [decode(row.state, AccessEntryState) for row in rows if row.state]

    async def _row(self, application_id: str, api_id: str) -> AccessRow | None:
        return await self._session.get(
            AccessRow, (application_id, api_id), with_for_update=True, populate_existing=True
        )
