"""The catalogue's rows in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import groupby

import msgspec
from sqlalchemy import any_, delete, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.adapters.rows import api_values, to_api, to_plan, version_values
from portal_api.catalog.adapters.tables import (
    ApiRow,
    ContractRow,
    DeploymentHistoryRow,
    OperationRow,
    PlanRow,
    PlanVersionRow,
)
from portal_api.catalog.domain.api import Api, ContractOperation
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.ports import DeploymentRecord, DeploymentRow
from portal_api.storage import numbers
from portal_api.storage.reads import forget, once
from shared.events.catalog import Environment, Lifecycle, Operation

MAX_TAGS_SHOWN = 100


# With names: users are identity's rows, so the join is written out instead of importing its tables.
_DEPLOYMENTS = text(
    "select d.environment, d.revision, d.endpoint_url, d.deployed_at, d.deployed_by, u.name as deployed_by_name,"
    " jsonb_array_length(d.operations) as operation_count, d.rolled_back_to"
    " from deployments d left join users u on u.id = d.deployed_by where d.api_id = :api"
    " order by d.deployed_at desc, d.id desc limit :limit"
)
_WAITING = text("select exists (select 1 from outbox where key = :key)")


class PostgresCatalogRepository:
    """The port `CatalogRepository`."""

    async def next_numbers(self, session: AsyncSession, count: int) -> list[int]:
        """Numbers for call records."""
        return await numbers.next_numbers(session, count)

    async def add_api(
        self, session: AsyncSession, api: Api, document: str, operations: Sequence[ContractOperation]
    ) -> bool:
        """False when identifier and version are taken in the organization."""
        forget(session)
        added = await session.execute(
            insert(ApiRow)
            .values(**api_values(api))
            .on_conflict_do_nothing(index_elements=["organization_id", "identifier", "version_label"])
            .returning(col(ApiRow.id))
        )
        if added.first() is None:
            return False
        session.add(ContractRow(api_id=api.id, document=document))
        if operations:
            rows = [{"api_id": api.id, "position": i, **asdict(one)} for i, one in enumerate(operations)]
            await session.execute(insert(OperationRow), rows)
        await session.flush()
        return True

    async def api(self, session: AsyncSession, api_id: str, *, lock: bool = False) -> Api | None:
        """By id."""
        statement = select(ApiRow).where(ApiRow.id == api_id)
        if lock:
            forget(session)
            statement = statement.with_for_update().execution_options(populate_existing=True)

        async def load() -> Api | None:
            row = (await session.exec(statement)).first()
            return to_api(row) if row else None

        return await once(session, ("api", api_id), load)

    async def save_api(self, session: AsyncSession, api: Api) -> None:
        """Keep what changed."""
        forget(session)
        values = api_values(api)
        statement = update(ApiRow).where(col(ApiRow.id) == api.id).values(**values)
        await session.execute(statement.execution_options(synchronize_session=False))
        session.expire_all()

    async def apis(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        project_id: str | None = None,
        lifecycles: frozenset[Lifecycle] | None = None,
        limit: int,
        after: str | None,
    ) -> list[Api]:
        """Of an organization, one project, or in one of some states."""
        statement = select(ApiRow).where(ApiRow.organization_id == organization_id, ApiRow.id > (after or ""))
        if project_id is not None:
            statement = statement.where(ApiRow.project_id == project_id)
        if lifecycles is not None:
            statement = statement.where(col(ApiRow.lifecycle).in_(lifecycles))
        return [to_api(row) for row in await session.exec(statement.order_by(ApiRow.id).limit(limit))]

    async def search_apis(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        lifecycles: frozenset[Lifecycle],
        text: str,
        tag: str | None,
        limit: int,
        after: str | None,
    ) -> list[Api]:
        """Each word is somewhere in name, identifier, description or tags."""
        statement = select(ApiRow).where(
            ApiRow.organization_id == organization_id,
            col(ApiRow.lifecycle).in_(lifecycles),
            ApiRow.id > (after or ""),
        )
        for word in text.split():
            fields = (ApiRow.display_name, ApiRow.identifier, ApiRow.description)
            found = [col(field).icontains(word, autoescape=True) for field in fields]
            tags = func.array_to_string(col(ApiRow.tags), " ")
            statement = statement.where(or_(*found, tags.icontains(word, autoescape=True)))
        if tag is not None:
            statement = statement.where(tag == any_(col(ApiRow.tags)))
        return [to_api(row) for row in await session.exec(statement.order_by(ApiRow.id).limit(limit))]

    async def tags(self, session: AsyncSession, organization_id: str, lifecycles: frozenset[Lifecycle]) -> list[str]:
        """Each once, in alphabetical order."""
        each = func.unnest(ApiRow.tags).label("tag")
        statement = select(each).where(ApiRow.organization_id == organization_id, col(ApiRow.lifecycle).in_(lifecycles))
        return list(await session.exec(statement.distinct().order_by(each).limit(MAX_TAGS_SHOWN)))

    async def apis_by_id(self, session: AsyncSession, api_ids: Sequence[str]) -> list[Api]:
        """In no particular order."""
        if not api_ids:
            return []

        async def load() -> list[Api]:
            return [to_api(row) for row in await session.exec(select(ApiRow).where(col(ApiRow.id).in_(api_ids)))]

        return await once(session, ("apis", *sorted(api_ids)), load)

    async def lock_apis(self, session: AsyncSession, *, after: str, limit: int) -> list[Api]:
        """Of all organizations, retired ones too."""
        statement = select(ApiRow).where(ApiRow.id > after).order_by(ApiRow.id).limit(limit)
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
        return [to_api(row) for row in await session.exec(statement)]

    async def operations(self, session: AsyncSession, api_id: str) -> list[ContractOperation]:
        """In the order of the contract."""
        rows = await session.exec(
            select(OperationRow).where(OperationRow.api_id == api_id).order_by(col(OperationRow.position))
        )
        return [ContractOperation(**row.model_dump(exclude={"api_id", "position"})) for row in rows]

    async def document(self, session: AsyncSession, api_id: str) -> str | None:
        """The contract as it was imported."""
        row = await session.get(ContractRow, api_id)
        return row.document if row else None

    async def is_unpublished(self, session: AsyncSession, api_id: str) -> bool:
        """Whether a state of the API waits in the outbox."""
        return bool((await session.execute(_WAITING, {"key": api_id.encode()})).scalar_one())

    async def add_deployment(self, session: AsyncSession, row: DeploymentRow) -> None:
        """Remember who deployed what where."""
        values = {field.name: getattr(row, field.name) for field in fields(row)}
        session.add(DeploymentHistoryRow(**values | {"operations": msgspec.to_builtins(row.operations)}))
        await session.flush()

    async def deployments(self, session: AsyncSession, api_id: str, *, limit: int) -> list[DeploymentRecord]:
        """Newest first, with the names of who deployed."""
        rows = await session.execute(_DEPLOYMENTS, {"api": api_id, "limit": limit})
        return [DeploymentRecord(**row) for row in rows.mappings()]

    async def deployment(
        self, session: AsyncSession, api_id: str, environment: Environment, revision: int
    ) -> DeploymentRow | None:
        """One of them."""
        found = await session.exec(
            select(DeploymentHistoryRow).where(
                DeploymentHistoryRow.api_id == api_id,
                DeploymentHistoryRow.environment == environment,
                DeploymentHistoryRow.revision == revision,
            )
        )
        row = found.first()
        if row is None:
            return None
        routes = None if row.operations is None else msgspec.convert(row.operations, tuple[Operation, ...])
        return DeploymentRow(**row.model_dump() | {"operations": routes})

    async def replace_contract(
        self, session: AsyncSession, api: Api, document: str, operations: Sequence[ContractOperation]
    ) -> None:
        """Operations that went keep their number in call records only."""
        await self.save_api(session, api)
        await session.execute(update(ContractRow).where(col(ContractRow.api_id) == api.id).values(document=document))
        await session.execute(delete(OperationRow).where(col(OperationRow.api_id) == api.id))
        rows = [{"api_id": api.id, "position": i, **asdict(one)} for i, one in enumerate(operations)]
        await session.execute(insert(OperationRow), rows)

    async def add_plan(self, session: AsyncSession, plan: Plan) -> bool:
        """False when the organization has a plan of this name."""
        forget(session)
        values = {name: getattr(plan, name) for name in PlanRow.model_fields}
        added = await session.execute(
            insert(PlanRow).values(**values).on_conflict_do_nothing().returning(col(PlanRow.id))
        )
        if added.first() is None:
            return False
        await session.execute(insert(PlanVersionRow), [version_values(plan.id, one) for one in plan.versions])
        return True

    async def plan(self, session: AsyncSession, plan_id: str, *, lock: bool = False) -> Plan | None:
        """With all versions; deleted ones too."""
        statement = select(PlanRow).where(PlanRow.id == plan_id)
        if lock:
            forget(session)
            statement = statement.with_for_update().execution_options(populate_existing=True)
        plans = await self._with_versions(session, list(await session.exec(statement)))
        return plans[0] if plans else None

    async def plans_by_id(self, session: AsyncSession, plan_ids: Sequence[str]) -> list[Plan]:
        """In no particular order."""
        if not plan_ids:
            return []

        async def load() -> list[Plan]:
            rows = await session.exec(select(PlanRow).where(col(PlanRow.id).in_(plan_ids)))
            return await self._with_versions(session, list(rows))

        return await once(session, ("plans", *sorted(plan_ids)), load)

    async def save_plan(self, session: AsyncSession, plan: Plan) -> bool:
        """Keep what changed, new versions included. False when the name is taken."""
        forget(session)
        values = {name: getattr(plan, name) for name in PlanRow.model_fields}
        statement = update(PlanRow).where(col(PlanRow.id) == plan.id).values(**values)
        try:
            async with session.begin_nested():
                await session.execute(statement.execution_options(synchronize_session=False))
        except IntegrityError:
            return False
        await session.execute(
            insert(PlanVersionRow).on_conflict_do_nothing(index_elements=["number"]),
            [version_values(plan.id, one) for one in plan.versions],
        )
        session.expire_all()
        return True

    async def plans(self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None) -> list[Plan]:
        """Without deleted ones."""
        rows = await session.exec(
            select(PlanRow)
            .where(PlanRow.organization_id == organization_id, PlanRow.id > (after or ""), PlanRow.status != "deleted")
            .order_by(PlanRow.id)
            .limit(limit)
        )
        return await self._with_versions(session, list(rows))

    async def lock_plans(self, session: AsyncSession, *, after: str, limit: int) -> list[Plan]:
        """Of all organizations, deleted ones too. Versions are read after the locks, so they fit the plans."""
        statement = select(PlanRow).where(PlanRow.id > after).order_by(PlanRow.id).limit(limit)
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
        return await self._with_versions(session, list(await session.exec(statement)))

    async def apis_with_plan(self, session: AsyncSession, plan_id: str) -> list[str]:
        """Ids of the APIs for which the plan is enabled."""
        rows = await session.exec(
            select(ApiRow.id)
            .where(col(ApiRow.plan_ids).contains([plan_id]), ApiRow.lifecycle != "retired")
            .order_by(ApiRow.id)
        )
        return list(rows)

    async def _with_versions(self, session: AsyncSession, rows: Sequence[PlanRow]) -> list[Plan]:
        if not rows:
            return []
        found = await session.exec(
            select(PlanVersionRow)
            .where(col(PlanVersionRow.plan_id).in_([row.id for row in rows]))
            .order_by(PlanVersionRow.plan_id, col(PlanVersionRow.ordinal))
        )
        versions = {plan_id: list(group) for plan_id, group in groupby(found, key=lambda row: row.plan_id)}
        return [to_plan(row, versions[row.id]) for row in rows]
