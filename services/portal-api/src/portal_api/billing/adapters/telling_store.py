"""Of which subscriptions callers are told something, in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.telling import Telling

# Those that were told something once hear of its end, too. Ordered, so that two writers lock rows in the same order.
_NOTE = text(
    """
    insert into usage_tellings (subscription_id, number, version, due)
    select id, number, 0, true
    from unnest(cast(:ids as text[]), cast(:numbers as bigint[])) as given (id, number)
    where exists (select 1 from usage_tellings known where known.subscription_id = given.id)
       or exists (select 1 from subscriptions s join plan_versions v on v.number = s.plan_version_number
                  where s.id = given.id and v.terms @> '{"usage_headers": true}')
    order by id
    on conflict (subscription_id) do update set due = true
    """
)
_DUE = text(
    "select subscription_id, number, version, told from usage_tellings where due"
    " order by subscription_id limit :limit for update skip locked"
)
_SAVE = text(
    "update usage_tellings set due = false, version = :version, told = cast(:told as jsonb) where subscription_id = :id"
)
_AGAIN = text(
    "update usage_tellings set due = true, told = null where subscription_id in (select subscription_id"
    " from usage_tellings where subscription_id > :after order by subscription_id limit :limit for update)"
    " returning subscription_id"
)


class PostgresTellings:
    """Port TellingStore."""

    async def note(self, session: AsyncSession, numbers: Mapping[str, int]) -> None:
        """There may be news of these, subscription id to number."""
        connection = await session.connection()
        await connection.execute(_NOTE, {"ids": list(numbers), "numbers": list(numbers.values())})

    async def due(self, session: AsyncSession, limit: int) -> Sequence[Telling]:
        """Those with news, locked."""
        connection = await session.connection()
        return [Telling(*row) for row in await connection.execute(_DUE, {"limit": limit})]

    async def save(self, session: AsyncSession, telling: Telling) -> None:
        """It was told."""
        connection = await session.connection()
        values = {"id": telling.subscription_id, "version": telling.version, "told": json.dumps(telling.told)}
        await connection.execute(_SAVE, values)

    async def again(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Tell the next ones anew, whatever they were told; their ids."""
        connection = await session.connection()
        return sorted(row[0] for row in await connection.execute(_AGAIN, {"after": after, "limit": limit}))
