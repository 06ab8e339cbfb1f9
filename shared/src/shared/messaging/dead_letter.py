"""Show and replay dead letters: `python -m shared.messaging.dead_letter show|replay <topic>.<group>.dead`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from shared.events.envelope import from_kafka_headers
from shared.messaging.closing import close

BOOTSTRAP = "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS"
_ADDED = ("dead_letter_reason", "dead_letter_attempts", "dead_letter_source", "dead_letter_first_time")


async def read_dead_letters(bootstrap_servers: str, topic: str) -> AsyncIterator[ConsumerRecord]:
    """All dead letters of a topic, oldest first, up to its present end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None, isolation_level="read_committed")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield record
    finally:
        await close(consumer)


async def show(bootstrap_servers: str, topic: str) -> int:
    """Print one JSON line a dead letter; returns how many."""
    shown = 0
    async for record in read_dead_letters(bootstrap_servers, topic):
        value = record.value.decode("utf-8", "backslashreplace") if record.value is not None else None
        line = {"offset": record.offset, "headers": from_kafka_headers(record.headers), "value": value}
        sys.stdout.write(json.dumps(line) + "\n")
        shown += 1
    return shown


async def replay(bootstrap_servers: str, topic: str) -> int:
    """Send every dead letter to its topic again, under a new id so that it is not dropped as a repeat."""
    source = topic.removesuffix(".dead").rpartition(".")[0]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True)
    await producer.start()
    sent = 0
    try:
        async for record in read_dead_letters(bootstrap_servers, topic):
            headers = [(name, value) for name, value in record.headers if name not in _ADDED and name != "ce_id"]
            first_id = from_kafka_headers(record.headers).get("ce_id", "evt")
            headers.append(("ce_id", f"{first_id}-replay-{record.offset}".encode()))
            await producer.send_and_wait(source, value=record.value, key=record.key, headers=headers)
            sent += 1
    finally:
        await close(producer)
    return sent


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("show", "replay"))
    parser.add_argument("topic", help="for example billing.events.subscriptions.dead")
    parser.add_argument("--bootstrap-servers", default=os.environ.get(BOOTSTRAP, "127.0.0.1:19092"))
    arguments = parser.parse_args()
    action = show if arguments.action == "show" else replay
    count = asyncio.run(action(arguments.bootstrap_servers, arguments.topic))
    sys.stderr.write(f"{count} dead letters in {arguments.topic}\n")


if __name__ == "__main__":
    main()
