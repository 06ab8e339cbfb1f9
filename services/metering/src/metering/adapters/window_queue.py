"""`WindowQueue` in PostgreSQL: dirty windows are the queue, so there is nothing to lose between them and the bus."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from metering import metrics
from metering.domain.completeness import StreamClaim
from metering.domain.usage_window import Usage, Window, WindowKey
from shared.ids import new_id
from shared.messaging import lease

LEASE = "usage-publisher"
# At most one publication per window and quarter second.
_PAUSE = "interval '250 milliseconds'"

_FIELDS = WindowKey._fields
_KEY = ", ".join(f"w.{name}" for name in _FIELDS)
_SAME = " and ".join(f"w.{name} = n.{name}" for name in _FIELDS)
_KEY_TYPES = ("bigint",) * 6 + ("boolean", "boolean", "bigint")
_KEY_ARRAYS = ", ".join(f"cast(:k{place} as {kind}[])" for place, kind in enumerate(_KEY_TYPES))

_DUE = text(
    f"select {_KEY}, s.subscription_id, w.calls, w.units, w.revision"  # noqa: S608 - names of our own
    " from usage_windows w join subscriptions s on s.number = w.subscription_number"
    " where w.revision > w.published_revision"
    f" and (w.published_at is null or w.published_at < clock_timestamp() - {_PAUSE})"
    " order by w.changed_at limit :limit"
)
_DIRTY = text(f"select {_KEY}, w.revision from usage_windows w where w.revision > w.published_revision limit :limit")  # noqa: S608
_MARK = text(
    "with locked as ("  # noqa: S608 - names of our own
    f" select {_KEY}, n.revision as new_revision, w.changed_at as since from usage_windows w join unnest({_KEY_ARRAYS},"
    f" cast(:revisions as bigint[])) as n({', '.join(_FIELDS)}, revision) on {_SAME}"
    f" order by {_KEY} for update of w)"
    " update usage_windows w set published_revision = greatest(w.published_revision, n.new_revision),"
    " published_at = clock_timestamp(), changed_at = clock_timestamp()"
    f" from locked n where {_SAME} returning extract(epoch from clock_timestamp() - n.since)"
)
_OFFSETS = text(
    "select partition, next_offset from kafka_offsets where consumer_group = :consumer_group and topic = :topic"
    " and cluster_id = (select cluster_id from publisher_state)"
)
_CLAIMS = text(
    "select s.stream_id, s.claimed_until_us, s.held_until_us, s.closed,"
    " extract(epoch from clock_timestamp() - s.last_heard_at),"
    " extract(epoch from clock_timestamp()) - g.opened_at_us / 1000000.0"
    " from streams s left join (select stream_id, min(opened_at_us) as opened_at_us from stream_gaps group by 1) g"
    " using (stream_id) where not s.closed or g.stream_id is not null"
)
_EARLIEST_WAITING = text(
    "select min(admitted_us) from waiting_calls"
    " where received_at > clock_timestamp() - make_interval(secs => cast(:seconds as float8))"
)
_SAVE_COMPLETE = text("update publisher_state set complete_until_us = greatest(complete_until_us, :until)")
_REPUBLISH = text(
    "update usage_windows set published_revision = 0, changed_at = clock_timestamp()"
    " where subscription_number = :number"
)


def _key(row: Row[tuple[Any, ...]]) -> WindowKey:
    return WindowKey._make(row[: len(_FIELDS)])


async def mark_all_dirty(engine: AsyncEngine) -> int:
    """Publish every window again, with the revision it has. One subscription a transaction; returns their number."""
    async with engine.connect() as connection:
        rows = await connection.execute(text("select number from subscriptions order by number"))
        numbers = [number for (number,) in rows]
    for number in numbers:
        async with engine.begin() as connection:
            await connection.execute(_REPUBLISH, {"number": number})
    return len(numbers)


class PostgresWindowQueue:
    """See ports.WindowQueue."""

    def __init__(self, engine: AsyncEngine, *, group: str, topic: str) -> None:
        self._engine = engine
        self._group = group
        self._topic = topic
        self._holder = new_id("publisher")

    async def acquire_lease(self) -> bool:
        """A hint only; what a frozen holder still sends is fenced by Kafka."""
        return await lease.acquire(self._engine, LEASE, self._holder)

    async def release_lease(self) -> None:
        """At a clean stop."""
        await lease.release(self._engine, LEASE, self._holder)

    async def follow_cluster(self, cluster_id: str) -> bool:
        """Marked dirty first: a crash in between does it again."""
        async with self._engine.connect() as connection:
            known = (await connection.execute(text("select cluster_id from publisher_state"))).scalar_one()
        moved = known not in ("", cluster_id)
        if moved:
            await mark_all_dirty(self._engine)
        if known != cluster_id:
            async with self._engine.begin() as connection:
                await connection.execute(text("update publisher_state set cluster_id = :id"), {"id": cluster_id})
        return moved

    async def due(self, limit: int) -> list[Window]:
        """Oldest change first."""
        size = len(_FIELDS)
        async with self._engine.connect() as connection:
            rows = await connection.execute(_DUE, {"limit": limit})
            return [Window(_key(row), row[size], Usage(row[size + 1], row[size + 2]), row[size + 3]) for row in rows]

    async def dirty(self, limit: int) -> dict[WindowKey, int]:
        """See ports."""
        async with self._engine.connect() as connection:
            return {_key(row): row[-1] for row in await connection.execute(_DIRTY, {"limit": limit})}

    async def mark_published(self, windows: Sequence[Window]) -> None:
        """Locked in the order of keys, like additions."""
        if not windows:
            return
        columns = list(zip(*(window.key for window in windows), strict=True))
        parameters: dict[str, object] = {f"k{place}": list(column) for place, column in enumerate(columns)}
        parameters["revisions"] = [window.revision for window in windows]
        async with self._engine.begin() as connection:
            ages = (await connection.execute(_MARK, parameters)).scalars().all()
        for age in ages:
            metrics.PUBLICATION_SECONDS.observe(float(age))

    async def read_offsets(self) -> dict[int, int]:
        """Of the cluster that the publisher knows; another one's offsets mean nothing."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_OFFSETS, {"consumer_group": self._group, "topic": self._topic})
            return {row[0]: row[1] for row in rows}

    async def claims(self, readable_seconds: float) -> list[StreamClaim]:
        """See ports."""
        async with self._engine.connect() as connection:
            return [
                StreamClaim(
                    stream_id=bytes(stream_id),
                    claimed_until_us=claimed,
                    held_until_us=held,
                    closed=closed,
                    silent_seconds=min(float(silent), readable_seconds),
                    gap_seconds=None if gap is None else float(gap),
                )
                for stream_id, claimed, held, closed, silent, gap in await connection.execute(_CLAIMS)
            ]

    async def earliest_waiting_us(self, younger_than_seconds: float) -> int | None:
        """See ports."""
        async with self._engine.connect() as connection:
            found = (await connection.execute(_EARLIEST_WAITING, {"seconds": younger_than_seconds})).scalar_one()
        return None if found is None else int(found)

    async def complete_until_us(self) -> int:
        """See ports."""
        async with self._engine.connect() as connection:
            return int((await connection.execute(text("select complete_until_us from publisher_state"))).scalar_one())

    async def save_complete_until(self, complete_until_us: int) -> None:
        """Never decreasing, whoever writes."""
        async with self._engine.begin() as connection:
            await connection.execute(_SAVE_COMPLETE, {"until": complete_until_us})

    async def observe(self) -> None:
        """Both tables are empty or small."""
        async with self._engine.connect() as connection:
            gaps = (await connection.execute(text("select count(*) from stream_gaps"))).scalar_one()
            waiting = (await connection.execute(text("select count(*) from waiting_calls"))).scalar_one()
        metrics.GAPS_OPEN.set(gaps)
        metrics.WAITING.set(waiting)
