"""The gateway's composition root: settings -> log, tables, shipper -> admission -> the listening socket."""

import asyncio
import contextlib
import gc
import time
from collections.abc import Awaitable, Callable

import structlog

from gateway import metrics
from gateway.adapters.access_token import AccessTokens
from gateway.adapters.refusal_counts import RefusalCounts
from gateway.adapters.stream_files import StreamFiles, orphans
from gateway.adapters.tables import GatewayTables, topic_tables
from gateway.adapters.upstream_pool import UpstreamPool
from gateway.adapters.usage_shipper import UsageShipper
from gateway.adapters.write_ahead_log import WriteAheadLog
from gateway.domain.cross_origin import rule_for_pages
from gateway.entrypoints.answers import Answers
from gateway.entrypoints.proxy import SWEEP_SECONDS, ProxyServer
from gateway.settings import Settings
from gateway.use_cases import CallGate
from shared.clock import Clock, OffsetClock, SystemClock
from shared.events.call_record import CALL_BYTES
from shared.events.topics import GATEWAY_REQUESTS
from shared.http.operations import Readiness, operations_app, serve
from shared.messaging.sandbox_clock import sandbox_clock_table
from shared.messaging.table import TopicTable
from shared.observability.logs import configure_logging
from shared.service import main as run_main
from shared.service import run_service

log = structlog.get_logger()


class Gateway:
    """One worker. `port` is known once it listens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.port = 0
        self.listening = asyncio.Event()
        servers, prefix = settings.kafka_bootstrap_servers, settings.kafka_topic_prefix
        self._tokens = AccessTokens(settings.issuer)
        self.tables = GatewayTables(self._tokens)
        self._feeds = topic_tables(self.tables, servers, prefix)
        self._clock: Clock = SystemClock()
        self._sandbox_clock: TopicTable | None = None
        if settings.sandbox:
            self._clock = offset_clock = OffsetClock()
            self._sandbox_clock = sandbox_clock_table(servers, prefix, offset_clock, self._clock_moved)
        self._shipper: UsageShipper | None = None
        self._background: list[Callable[[], Awaitable[None]]] = [feed.run for feed in self._feeds]
        if self._sandbox_clock is not None:
            self._background.append(self._sandbox_clock.run)
        self.readiness = Readiness(
            {
                "tables": lambda: all(feed.ready.is_set() for feed in self._feeds),
                "clock": lambda: self._sandbox_clock is None or self._sandbox_clock.ready.is_set(),
                "stream_announced": lambda: self._shipper is not None and self._shipper.announced.is_set(),
                "tables_fresh": self.tables.are_fresh,
                "listening": self.listening.is_set,
            }
        )

    def _clock_moved(self) -> None:
        if self._shipper is not None:
            self._shipper.beat_now()

    async def operations(self) -> None:
        """The operations port."""
        app = operations_app(self.readiness, service="gateway")
        await serve(app, self._settings.operations_host, self._settings.operations_port)

    async def run(self) -> None:
        """Until cancelled; then finish calls, ship all records, close the stream, in this order and in bounded time."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_as_coroutine(runner)) for runner in self._background]
            tasks.append(group.create_task(self._watch_age()))
            try:
                # The clock first: intents of adopted logs must not be stamped with a time that the sandbox has left.
                if self._sandbox_clock is not None:
                    await self._sandbox_clock.ready.wait()
                await self._serve(group)
            finally:
                for task in tasks:
                    task.cancel()

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        settings = self._settings
        refusals = RefusalCounts(self._clock)
        current, adopted = self._open_logs()
        self._shipper = shipper = UsageShipper(
            settings.kafka_bootstrap_servers, settings.kafka_topic_prefix, current, adopted, refusals, self._clock
        )
        shipping = group.create_task(shipper.run())
        pool = UpstreamPool(group.create_task)
        gate = CallGate(
            self.tables,
            self._tokens,
            current,
            refusals,
            self._clock,
            max_body_bytes=settings.max_body_bytes,
            pages=rule_for_pages([settings.portal_url, *filter(None, settings.portal_origins.split(","))]),
        )
        server = ProxyServer(gate, pool, Answers(settings.portal_url), metrics.CALLS)
        try:
            for feed in self._feeds:
                await feed.ready.wait()
            await shipper.announced.wait()
            self._judge_age()
            self.port = await server.listen(settings.host, settings.port)
            # Nothing that lives from here on is garbage: collections need not look at it again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            self.listening.set()
            log.info("gateway listens", port=self.port, stream=current.stream_id.hex())
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                server.sweep()
                pool.sweep()
        except asyncio.CancelledError:
            # The cancellation has been heard; the steps below must not be interrupted by its count.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            await self._stop(server, pool, shipper, shipping, current, adopted)
            raise

    async def _stop(
        self,
        server: ProxyServer,
        pool: UpstreamPool,
        shipper: UsageShipper,
        shipping: asyncio.Task[None],
        current: WriteAheadLog,
        adopted: list[WriteAheadLog],
    ) -> None:
        await server.drain(self._settings.shutdown_seconds)
        pool.close()
        shipper.close()
        await asyncio.wait([shipping], timeout=self._settings.shutdown_seconds)
        if shipping.done():
            log.info("everything is shipped")
            return
        log.warning("Kafka did not take the rest in time; the next worker ships it", records=current.end - 1)
        shipping.cancel()
        await asyncio.wait([shipping])

    def _open_logs(self) -> tuple[WriteAheadLog, list[WriteAheadLog]]:
        """Adopt the logs of dead workers, and begin a stream of our own."""
        settings = self._settings
        directory = settings.wal_directory
        directory.mkdir(parents=True, exist_ok=True)
        adopted = []
        for files in orphans(directory):
            stream = WriteAheadLog(files, self._clock, max_bytes=settings.wal_max_bytes)
            intents = stream.recover()
            metrics.ADOPTED.inc()
            metrics.INTENTS.inc(intents)
            waiting = stream.end - 1 - stream.acknowledged
            log.info("adopted a stream", stream=stream.stream_id.hex(), unshipped=waiting, intents=intents)
            adopted.append(stream)
        files = StreamFiles.create(
            directory,
            partitions=GATEWAY_REQUESTS.partitions,
            segment_records=max(1, settings.wal_segment_bytes // CALL_BYTES),
            open_slots=settings.open_calls_max,
        )
        other_bytes = sum(stream.bytes_on_disk for stream in adopted)
        current = WriteAheadLog(files, self._clock, max_bytes=settings.wal_max_bytes, other_bytes=other_bytes)
        return current, adopted

    async def _watch_age(self) -> None:
        """Calls are admitted while the oldest table is young enough."""
        while True:
            self._judge_age()
            await asyncio.sleep(0.2)

    def _judge_age(self) -> None:
        age = max(feed.age_seconds() for feed in self._feeds)
        self.tables.set_fresh(age <= self._settings.tables_max_age_seconds)
        metrics.TABLES_AGE.set(min(age, time.monotonic()))


async def _as_coroutine(runner: Callable[[], Awaitable[None]]) -> None:
    await runner()


async def run(settings: Settings) -> None:
    """The process."""
    configure_logging("gateway", settings.log_level)
    gateway = Gateway(settings)
    await run_service(gateway.operations, gateway.run)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        run_main(run(Settings()))
