"""Consumer offsets and seen event ids, in the transaction of what the records changed."""

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

Position = tuple[str, int]  # (topic with prefix, partition)

_LOAD = text(
    "select topic, partition, next_offset, cluster_id from kafka_offsets where consumer_group = :consumer_group"
)
_RESET = text(
    "insert into kafka_offsets(consumer_group, topic, partition, next_offset, cluster_id)"
    " values (:consumer_group, :topic, :partition, :next_offset, :cluster_id)"
    " on conflict (consumer_group, topic, partition) do update"
    " set next_offset = excluded.next_offset, cluster_id = excluded.cluster_id"
    " where kafka_offsets.next_offset is not distinct from cast(:expected as bigint)"
)
# One statement for both: it begins every transaction.
_MOVE = text(
    "with moved as (update kafka_offsets o set next_offset = n.next_offset"
    " from unnest(cast(:topics as text[]), cast(:partitions as int[]), cast(:expected as bigint[]),"
    " cast(:next as bigint[])) as n(topic, partition, expected, next_offset)"
    " where o.consumer_group = :consumer_group and o.topic = n.topic and o.partition = n.partition"
    " and o.next_offset = n.expected returning 1),"
    " fresh as (insert into inbox(consumer_group, event_id) select :consumer_group, unnest(cast(:ids as text[]))"
    " on conflict do nothing returning event_id)"
    " select (select count(*) from moved), (select array_agg(event_id) from fresh)"
)


# Longer than the longest retention of a log topic (30 days): a repeat cannot come later than its topic keeps it.
_PRUNE = text(
    "delete from inbox where consumer_group = :consumer_group and received_at < clock_timestamp() - interval '35 days'"
)


class LostPartition(Exception):
    """A stored offset is not where this consumer left it: another consumer has the partition."""


async def load(session: AsyncSession, group: str) -> dict[Position, tuple[int, str]]:
    """Stored positions: (topic, partition) -> (next offset, cluster id)."""
    rows = await session.execute(_LOAD, {"consumer_group": group})
    return {(topic, partition): (offset, cluster) for topic, partition, offset, cluster in rows}


async def reset(
    session: AsyncSession, group: str, position: Position, offset: int, cluster_id: str, expected: int | None
) -> None:
    """Set a position at first sight, after a new cluster, or after records were lost to retention."""
    await session.execute(
        _RESET,
        {
            "consumer_group": group,
            "topic": position[0],
            "partition": position[1],
            "next_offset": offset,
            "cluster_id": cluster_id,
            "expected": expected,
        },
    )


async def move(
    session: AsyncSession,
    group: str,
    expected: Mapping[Position, int],
    next_offsets: Mapping[Position, int],
    event_ids: Collection[str] = (),
) -> set[str]:
    """Compare-and-set all positions of a batch. Raises LostPartition where one is not as expected.

    Remembers the event ids, and tells which are new: a relay's repeat has a new offset but the same id.
    """
    keys = sorted(next_offsets)
    rows = await session.execute(
        _MOVE,
        {
            "consumer_group": group,
            "topics": [topic for topic, _ in keys],
            "partitions": [partition for _, partition in keys],
            "expected": [expected[key] for key in keys],
            "next": [next_offsets[key] for key in keys],
            "ids": sorted(event_ids),
        },
    )
    moved, fresh = rows.one()
    if moved != len(keys):
        raise LostPartition(f"offsets of {keys} moved elsewhere")
    return set(fresh or ())


async def prune_inbox(session: AsyncSession, group: str) -> None:
    """Forget event ids that no topic holds any more."""
    await session.execute(_PRUNE, {"consumer_group": group})
