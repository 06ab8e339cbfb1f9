"""Consumers of one JSON event a call, as a process of its own: `python -m benchmarks.metering.rival KIND`.

`per-event`: an insert of the event's id and an upsert of its window, event by event, a transaction a poll.
`batched`: the same tables and exactness, but summed in Python first: one insert of ids and one upsert a poll.
Both use what is fastest for them here: aiokafka's batches, msgspec for JSON, asyncpg's prepared statements.
"""

import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer

TABLES = """
create table if not exists events(id text primary key);
create table if not exists windows(
    subscription bigint, plan_version bigint, api bigint, operation bigint, minute bigint, billable boolean,
    status_class bigint, calls bigint not null, units bigint not null,
    primary key (subscription, plan_version, api, operation, minute, billable, status_class));
create table if not exists offsets(partition int primary key, next bigint not null);
"""
NEW_EVENT = "insert into events(id) values ($1) on conflict do nothing returning 1"
NEW_EVENTS = "insert into events(id) select * from unnest($1::text[]) on conflict do nothing returning id"
UPSERT = (
    "insert into windows as w values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    " on conflict (subscription, plan_version, api, operation, minute, billable, status_class)"
    " do update set calls = w.calls + excluded.calls, units = w.units + excluded.units"
)
UPSERT_MANY = UPSERT.replace(
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    "select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[],"
    " $7::bigint[], $8::bigint[], $9::bigint[])",
)
OFFSET = "insert into offsets values ($1, $2) on conflict (partition) do update set next = excluded.next"
POLL_RECORDS = 500


class Data(msgspec.Struct, gc=False):
    """What a window needs."""

    subscription: int
    plan_version: int
    api: int
    operation: int
    units: int
    status: int
    billable: bool


class Event(msgspec.Struct, gc=False):
    """One call."""

    id: str
    time_us: int
    data: Data


DECODE = msgspec.json.Decoder(Event).decode
Window = tuple[int, int, int, int, int, bool, int]


def window_of(event: Event) -> Window:
    """The key that metering uses too."""
    data = event.data
    minute = event.time_us // 60_000_000
    return (data.subscription, data.plan_version, data.api, data.operation, minute, data.billable, data.status // 100)


async def per_event(db: Any, events: Sequence[Event]) -> None:
    """Two statements an event."""
    for event in events:
        if await db.fetchval(NEW_EVENT, event.id):
            await db.execute(UPSERT, *window_of(event), 1, event.data.units)


async def batched(db: Any, events: Sequence[Event]) -> None:
    """Two statements a poll."""
    fresh = {row["id"] for row in await db.fetch(NEW_EVENTS, [event.id for event in events])}
    calls: Counter[Window] = Counter()
    units: Counter[Window] = Counter()
    for event in events:
        if event.id in fresh:
            fresh.discard(event.id)
            key = window_of(event)
            calls[key] += 1
            units[key] += event.data.units
    if calls:
        keys = sorted(calls)
        await db.execute(UPSERT_MANY, *map(list, zip(*keys, strict=True)), [calls[key] for key in keys],
                         [units[key] for key in keys])  # fmt: skip


KINDS: dict[str, Callable[[Any, Sequence[Event]], Awaitable[None]]] = {"per-event": per_event, "batched": batched}


async def run(kind: str) -> None:
    """Until killed. Offsets are stored in the transaction of their effects, as metering does."""
    store = KINDS[kind]
    db = await asyncpg.connect(os.environ["DATABASE_URL"])
    await db.execute(TABLES)
    consumer = AIOKafkaConsumer(
        os.environ["TOPIC"], bootstrap_servers=os.environ["KAFKA"], group_id=f"rival-{kind}",
        auto_offset_reset="earliest", enable_auto_commit=False, max_partition_fetch_bytes=4 << 20,
    )  # fmt: skip
    await consumer.start()
    print("ready", flush=True)
    while True:
        polled = await consumer.getmany(timeout_ms=100, max_records=POLL_RECORDS)
        events = [DECODE(record.value) for records in polled.values() for record in records]
        if not events:
            continue
        async with db.transaction():
            await store(db, events)
            for partition, records in polled.items():
                await db.execute(OFFSET, partition.partition, records[-1].offset + 1)


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1]))
