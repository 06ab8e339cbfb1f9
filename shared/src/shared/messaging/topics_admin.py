"""Create the bus's topics, and read the cluster's id."""

import asyncio
import sys
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from shared.events.topics import Topic, all_topics


async def create_topics(
    bootstrap_servers: str, *, prefix: str = "", replication_factor: int = 1, topics: Sequence[Topic] | None = None
) -> None:
    """Create every topic (or those named) that is not there yet; existing ones stay as they are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [
            NewTopic(
                name=prefix + topic.name,
                num_partitions=topic.partitions,
                replication_factor=replication_factor,
                topic_configs=topic.config(),
            )
            for topic in (all_topics() if topics is None else topics)
            if prefix + topic.name not in existing
        ]
        if missing:
            response = await admin.create_topics(missing, timeout_ms=30_000)
            for name, code, *message in response.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise RuntimeError(f"cannot create topic {name}: {message or code}")
    finally:
        await admin.close()


async def cluster_id(bootstrap_servers: str) -> str:
    """The id of the Kafka cluster: stored offsets of another cluster mean nothing."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        description = await admin.describe_cluster()
        return str(description["cluster_id"])
    finally:
        await admin.close()


if __name__ == "__main__":
    # <bootstrap servers> [<prefix> [<replication factor>]]
    servers, prefix, factor = [*sys.argv[1:], *("", "1")[len(sys.argv) - 2 :]]
    asyncio.run(create_topics(servers, prefix=prefix, replication_factor=int(factor)))
