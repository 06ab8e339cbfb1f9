"""Count the same calls at every station of the money path."""

import asyncio
from dataclasses import dataclass

import asyncpg
import httpx
import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.support.whole_stack import WholeStack

from shared.events.call_record import CALL_BYTES, FIELDS, FLAG_BILLABLE, HEADER_BYTES, unpack_header

CALL = np.dtype(list(FIELDS))


@dataclass(frozen=True)
class Stations:
    """Calls of one subscription. `recorded` are distinct (stream, sequence) pairs on the bus."""

    recorded: int
    recorded_billable: int
    metered: int
    metered_billable: int
    reported: int
    at_stripe: int

    @property
    def balanced(self) -> bool:
        """Nothing lost, nothing twice."""
        return (
            self.recorded == self.metered
            and self.recorded_billable == self.metered_billable == self.reported == self.at_stripe
        )


async def count(whole: WholeStack, subscription_id: str) -> Stations:
    """Look at every station now."""
    number = await _number(whole, subscription_id)
    recorded, billable = await _recorded(whole, number)
    metered, metered_billable = await _metered(whole, number)
    reported = await _reported(whole, subscription_id)
    at_stripe = await asyncio.to_thread(_at_stripe, whole, subscription_id)
    return Stations(recorded, billable, metered, metered_billable, reported, at_stripe)


async def _fetch(whole: WholeStack, database: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(whole.stack.database_url(database), timeout=10)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def _number(whole: WholeStack, subscription_id: str) -> int:
    rows = await _fetch(
        whole, "metering", "select number from subscriptions where subscription_id = $1", subscription_id
    )
    return int(rows[0]["number"])


async def _recorded(whole: WholeStack, number: int) -> tuple[int, int]:
    """All records of the bus, each (stream, sequence) once."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=whole.stack.kafka_bootstrap, group_id=None, isolation_level="read_committed"
    )
    await consumer.start()
    seen: set[tuple[bytes, int]] = set()
    billable = 0
    try:
        await consumer._client._wait_on_metadata("gateway.requests")
        partitions = [
            TopicPartition("gateway.requests", p) for p in consumer.partitions_for_topic("gateway.requests") or ()
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(p) < ends[p] for p in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    header = unpack_header(record.value)
                    calls = np.frombuffer(record.value, CALL, offset=HEADER_BYTES)
                    assert len(record.value) == HEADER_BYTES + header.count * CALL_BYTES
                    for call in calls[calls["subscription"] == number]:
                        key = (header.stream_id, int(call["sequence"]))
                        if key not in seen:
                            seen.add(key)
                            billable += bool(int(call["flags"]) & FLAG_BILLABLE)
    finally:
        await consumer.stop()
    return len(seen), billable


async def _metered(whole: WholeStack, number: int) -> tuple[int, int]:
    rows = await _fetch(
        whole,
        "metering",
        "select coalesce(sum(calls), 0)::bigint as calls,"
        " coalesce(sum(units) filter (where billable), 0)::bigint as units"
        " from usage_windows where subscription_number = $1",
        number,
    )
    return int(rows[0]["calls"]), int(rows[0]["units"])


async def _reported(whole: WholeStack, subscription_id: str) -> int:
    query = (
        "select coalesce(sum(units), 0)::bigint as units from ledger"
        " where subscription_id = $1 and status in ('sent', 'confirmed')"
    )
    rows = await _fetch(whole, "billing_sync", query, subscription_id)
    return int(rows[0]["units"])


def _at_stripe(whole: WholeStack, subscription_id: str) -> int:
    """Every meter event that the double accepted; its identifier begins with the subscription's id."""
    answer = httpx.get(f"{whole.addresses.stripe}/_admin/meter_events", timeout=30).raise_for_status()
    events = answer.json()["data"]
    return sum(int(event["value"]) for event in events if str(event["identifier"]).startswith(f"{subscription_id}:"))
