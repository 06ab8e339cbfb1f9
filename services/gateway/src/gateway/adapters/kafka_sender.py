"""Records to Kafka by librdkafka: compressing, sending and waiting happen in its own threads, not in the event loop's.

aiokafka does all of it in the loop, in Python: at 1,500 calls a second that was more than the calls themselves cost,
and what a call waited for (docs/decisions/0025).
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

log = structlog.get_logger()

# Then librdkafka gives a record up, and says so; whoever sent it sends it again.
DELIVERY_SECONDS = 10.0
_POLL_SECONDS = 0.5
_NO_PARTITION = -1  # librdkafka chooses by the key


class KafkaAway(Exception):
    """Kafka did not take a record, as far as is known: it may have it all the same."""


class _Client:
    """One producer, and the thread that hears what became of its records."""

    def __init__(self, settings: dict[str, str | int | bool]) -> None:
        self.producer = Producer(settings)
        self._over = threading.Event()
        threading.Thread(target=self._hear, args=(self.producer,), name="kafka-sender", daemon=True).start()

    def _hear(self, producer: Producer) -> None:
        while not self._over.is_set():
            producer.poll(_POLL_SECONDS)

    def retire(self) -> None:
        """Whatever it has not delivered fails now. Its last reference is the thread's: ending it takes time."""
        with suppress(KafkaException):
            self.producer.purge()
        self._over.set()
        del self.producer


class KafkaSender:
    """Idempotent: what librdkafka repeats arrives once, and in order. Belongs to the running loop."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._settings: dict[str, str | int | bool] = {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            # A third of the bytes; zstd would take a fifth for more than twice the time.
            "compression.type": "snappy",
            "linger.ms": 0,
            "message.max.bytes": 1 << 20,
            "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
            "request.timeout.ms": 5_000,
            "reconnect.backoff.max.ms": 1_000,
            "topic.metadata.refresh.interval.ms": 30_000,
            "log_level": 2,  # what matters comes back with the record
        }
        self._loop = asyncio.get_running_loop()
        self._client: _Client | None = None

    async def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes,
        partition: int = _NO_PARTITION,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Until Kafka has the record. Raises KafkaAway, after which the next send begins with a new connection."""
        if self._client is None:
            self._client = _Client(self._settings)
        client = self._client
        done: asyncio.Future[None] = self._loop.create_future()

        def delivered(error: KafkaError | None, _: Message) -> None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(_settle, done, error)

        try:
            client.producer.produce(
                topic, value, key, partition, on_delivery=delivered, headers=list(headers) if headers else None
            )
            async with asyncio.timeout(DELIVERY_SECONDS + 5):
                await done
        except (KafkaException, BufferError, TimeoutError) as error:
            self._renew(client)
            raise KafkaAway(str(error)) from error
        except KafkaAway:
            self._renew(client)
            raise

    def _renew(self, failed: _Client) -> None:
        if self._client is failed:
            self.close()

    def close(self) -> None:
        """What is under way fails."""
        client, self._client = self._client, None
        if client is not None:
            client.retire()


def _settle(done: asyncio.Future[None], error: KafkaError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(KafkaAway(error.str()))
