"""`UsageStore` in PostgreSQL. Rows are locked in the order of their keys, so that replicas cannot deadlock."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from metering.domain.aggregation import WindowColumns
from metering.domain.call_batch import CALL, Calls
from metering.domain.period import Period, Terms, boundaries
from metering.domain.stream import Gap, Span, StreamPosition
from metering.domain.usage_window import WindowKey
from metering.ports import StreamUpdate

_NEW_STREAMS = text(
    "insert into streams(stream_id, partition) select * from unnest(cast(:ids as bytea[]), cast(:partitions as int[]))"
    " on conflict do nothing"
)
_LOCK_STREAMS = text(
    "select stream_id, next_sequence, claimed_until_us, held_until_us, closed from streams"
    " where stream_id = any(cast(:ids as bytea[])) order by stream_id for update"
)
_GAPS = text(
    "select stream_id, first_sequence, end_sequence, opened_at_us from stream_gaps"
    " where stream_id = any(cast(:ids as bytea[])) order by stream_id, first_sequence"
)
_SAVE_STREAMS = text(
    "update streams s set partition = n.partition, next_sequence = n.next_sequence,"
    " claimed_until_us = n.claimed_until_us, held_until_us = n.held_until_us, closed = n.closed,"
    " last_heard_at = clock_timestamp()"
    " from unnest(cast(:ids as bytea[]), cast(:partitions as int[]), cast(:next as bigint[]),"
    " cast(:claimed as bigint[]), cast(:held as bigint[]), cast(:closed as boolean[]))"
    " as n(stream_id, partition, next_sequence, claimed_until_us, held_until_us, closed)"
    " where s.stream_id = n.stream_id"
)
_DROP_GAPS = text("delete from stream_gaps where stream_id = any(cast(:ids as bytea[]))")
_SAVE_GAPS = text(
    "insert into stream_gaps(stream_id, first_sequence, end_sequence, opened_at_us) select * from"
    " unnest(cast(:ids as bytea[]), cast(:firsts as bigint[]), cast(:ends as bigint[]), cast(:opened as bigint[]))"
)
_TERMS = text(
    "select s.number, s.end_us, p.start_us, p.end_us from subscriptions s join subscription_periods p using (number)"
    " where s.number = any(cast(:numbers as bigint[])) order by s.number, p.start_us"
)
_KEY = ", ".join(WindowKey._fields)
_KEY_TYPES = ("bigint",) * 6 + ("boolean", "boolean", "bigint")
_ADD = text(
    f"insert into usage_windows as w ({_KEY}, calls, units) select * from unnest("  # noqa: S608 - names of our own
    + ", ".join(f"cast(:k{place} as {kind}[])" for place, kind in enumerate(_KEY_TYPES))
    + ", cast(:calls as bigint[]), cast(:units as bigint[]))"
    f" on conflict ({_KEY}) do update set calls = w.calls + excluded.calls, units = w.units + excluded.units,"
    " revision = w.revision + 1,"
    # The age of the oldest change that is not published.
    " changed_at = case when w.revision > w.published_revision then w.changed_at else excluded.changed_at end"
)
_PARK = text(
    "insert into waiting_calls(stream_id, sequence, subscription_number, admitted_us, record) select * from"
    " unnest(cast(:streams as bytea[]), cast(:sequences as bigint[]), cast(:numbers as bigint[]),"
    " cast(:admitted as bigint[]), cast(:records as bytea[]))"
)
_TAKE = text("delete from waiting_calls where subscription_number = any(cast(:numbers as bigint[])) returning record")
_WAITING_AND_KNOWN = text(
    "select distinct w.subscription_number from waiting_calls w"
    " join subscription_periods p on p.number = w.subscription_number limit :limit"
)
_SAVE_SUBSCRIPTION = text(
    "insert into subscriptions(number, subscription_id, version, end_us)"
    " values (:number, :subscription_id, :version, :end_us)"
    " on conflict (number) do update set version = excluded.version, end_us = excluded.end_us"
    " where subscriptions.version < excluded.version and subscriptions.subscription_id = excluded.subscription_id"
    " returning 1"
)
_SAVE_PERIOD = text(
    "insert into subscription_periods(number, start_us, end_us) values (:number, :start_us, :end_us)"
    " on conflict (number, start_us) do update set end_us = excluded.end_us"
)


class PostgresUsageStore:
    """See ports.UsageStore."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def positions(self, streams: Mapping[bytes, int]) -> dict[bytes, StreamPosition]:
        """Heartbeats included, so that a stream is known from its first word on."""
        if not streams:
            return {}
        ids = sorted(streams)
        rows = (await self._session.execute(_LOCK_STREAMS, {"ids": ids})).all()
        if len(rows) < len(ids):
            # Two transactions that both meet a new stream: the second waits for the first one's row.
            partitions = [streams[stream_id] for stream_id in ids]
            await self._session.execute(_NEW_STREAMS, {"ids": ids, "partitions": partitions})
            rows = (await self._session.execute(_LOCK_STREAMS, {"ids": ids})).all()
        gaps: dict[bytes, list[Gap]] = defaultdict(list)
        for stream_id, first, end, opened_at_us in await self._session.execute(_GAPS, {"ids": ids}):
            gaps[bytes(stream_id)].append(Gap(Span(first, end), opened_at_us))
        return {
            bytes(stream_id): StreamPosition(next_sequence, tuple(gaps[bytes(stream_id)]), claimed, held, closed)
            for stream_id, next_sequence, claimed, held, closed in rows
        }

    async def save_positions(self, updates: Sequence[StreamUpdate]) -> None:
        """Gaps are few and rare: replaced whole."""
        if not updates:
            return
        ids = [update.stream_id for update in updates]
        await self._session.execute(
            _SAVE_STREAMS,
            {
                "ids": ids,
                "partitions": [update.partition for update in updates],
                "next": [update.position.next_sequence for update in updates],
                "claimed": [update.position.claimed_until_us for update in updates],
                "held": [update.position.held_until_us for update in updates],
                "closed": [update.position.closed for update in updates],
            },
        )
        await self._session.execute(_DROP_GAPS, {"ids": ids})
        gaps = [(update.stream_id, gap) for update in updates for gap in update.position.gaps]
        if gaps:
            await self._session.execute(
                _SAVE_GAPS,
                {
                    "ids": [stream_id for stream_id, _ in gaps],
                    "firsts": [gap.span.first for _, gap in gaps],
                    "ends": [gap.span.end for _, gap in gaps],
                    "opened": [gap.opened_at_us for _, gap in gaps],
                },
            )

    async def terms(self, numbers: Collection[int]) -> dict[int, Terms]:
        """From the database each time: another replica may have read the newest state."""
        if not numbers:
            return {}
        periods: dict[int, list[Period]] = defaultdict(list)
        ends: dict[int, int | None] = {}
        for number, end_us, start_us, period_end_us in await self._session.execute(_TERMS, {"numbers": list(numbers)}):
            periods[number].append(Period(start_us, period_end_us))
            ends[number] = end_us
        return {number: Terms(number, boundaries(found), ends[number]) for number, found in periods.items()}

    async def add(self, windows: WindowColumns) -> None:
        """One statement, whatever the number of windows."""
        *integers, sandbox, billable, status_class = windows.key
        columns = [*integers, [bool(value) for value in sandbox], [bool(value) for value in billable], status_class]
        parameters: dict[str, object] = {f"k{place}": column for place, column in enumerate(columns)}
        await self._session.execute(_ADD, {**parameters, "calls": windows.calls, "units": windows.units})

    async def park(self, streams: Sequence[bytes], calls: Calls) -> None:
        """A call is admitted its latency before it is recorded."""
        times = calls["time_us"].astype(np.int64)
        await self._session.execute(
            _PARK,
            {
                "streams": list(streams),
                "sequences": calls["sequence"].tolist(),
                "numbers": calls["subscription"].tolist(),
                "admitted": np.maximum(times - calls["latency_us"], 0).tolist(),
                "records": [call.tobytes() for call in calls],
            },
        )

    async def take_waiting(self, numbers: Collection[int]) -> Calls:
        """Two takers at once: each call goes to one of them."""
        rows = await self._session.execute(_TAKE, {"numbers": sorted(numbers)})
        return np.frombuffer(b"".join(record for (record,) in rows), CALL)

    async def waiting_and_known(self, limit: int) -> list[int]:
        """See ports."""
        return [number for (number,) in await self._session.execute(_WAITING_AND_KNOWN, {"limit": limit})]

    async def save_subscription(
        self, number: int, subscription_id: str, version: int, end_us: int | None, period: Period | None
    ) -> bool:
        """A number belongs to one subscription for ever: another id under it is not believed."""
        saved = await self._session.execute(
            _SAVE_SUBSCRIPTION,
            {"number": number, "subscription_id": subscription_id, "version": version, "end_us": end_us},
        )
        if saved.first() is None:
            return False
        if period is not None:
            await self._session.execute(
                _SAVE_PERIOD, {"number": number, "start_us": period.start_us, "end_us": period.end_us}
            )
        return True
