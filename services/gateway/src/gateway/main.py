"""The gateway's composition root: settings -> log, tables, shipper -> admission -> the listening socket.

`python -m gateway.main` is one worker, or the supervisor of several, which starts this module once for each.
"""

import asyncio
import contextlib
import ctypes
import gc
import sys
import time
from dataclasses import dataclass

import structlog

from gateway import FORM, metrics
from gateway.adapters.access_token import AccessTokens
from gateway.adapters.address_guard import AddressGuard
from gateway.adapters.identity_signer import IdentitySigner
from gateway.adapters.kafka_reader import Feed, KafkaReader
from gateway.adapters.kafka_sender import KafkaSender
from gateway.adapters.log_keeper import keep_log
from gateway.adapters.rate_exchange import RateExchange
from gateway.adapters.refusal_counts import RefusalCounts
from gateway.adapters.sockets import Sockets
from gateway.adapters.stream_files import StreamFiles, orphans
from gateway.adapters.tables import GatewayTables, by_key, table_feeds, usage_feed
from gateway.adapters.upstream_pool import UpstreamPool
from gateway.adapters.usage_shipper import UsageShipper
from gateway.adapters.write_ahead_log import WriteAheadLog
from gateway.domain.cross_origin import rule_for_pages
from gateway.domain.failure_budget import FailureBudget
from gateway.domain.forwarded import TrustedProxies
from gateway.domain.response_cache import ResponseCache
from gateway.entrypoints.answers import Answers
from gateway.entrypoints.certificates import Certificates
from gateway.entrypoints.listening import open_listener
from gateway.entrypoints.proxy import SWEEP_SECONDS, ProxyServer
from gateway.entrypoints.supervisor import Supervisor, worker_command
from gateway.entrypoints.worker_link import WorkerEnd
from gateway.settings import Settings
from gateway.use_cases import CallGate
from shared.addresses import parse_allowed
from shared.clock import Clock, OffsetClock, SystemClock, real_seconds
from shared.events.call_record import CALL_BYTES
from shared.events.topics import GATEWAY_REQUESTS, SANDBOX_CLOCK
from shared.http.operations import Readiness, operations_app, own_metrics, serve
from shared.messaging.sandbox_clock import sandbox_clock_mover
from shared.observability.logs import configure_logging
from shared.service import main as run_main
from shared.service import run_part, run_service

log = structlog.get_logger()

ORPHAN_SECONDS = 1.0
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def _collect_rarely() -> None:
    """Tables of a million entries are no garbage, and looking for some among them takes long."""
    gc.set_threshold(50_000, 20, 50)


def _settle_memory() -> None:
    """Nothing that lives now is garbage: collections need not look at it again."""
    gc.collect()
    gc.freeze()
    # glibc would give the buffers of each shipped batch back to the system, and fault them in again for the next.
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 64 << 20)


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Which of how many workers this is. `link`: descriptor of its end of the link to the supervisor, or -1."""

    number: int = 0
    count: int = 1
    link: int = -1


class Gateway:
    """One worker. `port` is known once it listens."""

    def __init__(self, settings: Settings, place: WorkerPlace = WorkerPlace()) -> None:
        self._settings = settings
        self._place = place
        self.port = 0
        self.listening = asyncio.Event()
        servers, prefix = settings.kafka_bootstrap_servers, settings.kafka_topic_prefix
        self._tokens = AccessTokens(settings.issuer)
        self.tables = GatewayTables(self._tokens)
        self._feeds = table_feeds(self.tables, prefix)
        self._clock: Clock = SystemClock()
        self._sandbox_clock: Feed | None = None
        if settings.sandbox:
            self._clock = offset_clock = OffsetClock()
            move = by_key(sandbox_clock_mover(offset_clock, self._clock_moved))
            self._sandbox_clock = Feed(prefix + SANDBOX_CLOCK.name, move)
        self._identity = None if settings.identity_keys is None else IdentitySigner(settings.identity_keys)
        self._cache = ResponseCache(settings.response_cache_bytes, real_seconds)
        self._shipper: UsageShipper | None = None
        self._exchange: RateExchange | None = None
        followed = self._feeds if self._sandbox_clock is None else [*self._feeds, self._sandbox_clock]
        # What calls do not need is read apart: a topic that is missing must not keep the gateway from serving.
        self._readers = (KafkaReader(servers, followed), KafkaReader(servers, [usage_feed(self.tables, prefix)]))
        self.readiness = Readiness(
            {
                "tables": lambda: all(feed.ready.is_set() for feed in self._feeds),
                "clock": lambda: self._sandbox_clock is None or self._sandbox_clock.ready.is_set(),
                "stream_announced": lambda: self._shipper is not None and self._shipper.announced.is_set(),
                "rate_counts": lambda: self._exchange is not None and self._exchange.feed.ready.is_set(),
                "tables_fresh": lambda: self.tables.is_fresh,
                "listening": self.listening.is_set,
            }
        )

    def _clock_moved(self) -> None:
        if self._shipper is not None:
            self._shipper.beat_now()

    async def operations(self) -> None:
        """The operations port, or the link to the supervisor, which has it."""
        if self._place.link >= 0:
            await WorkerEnd(self._place.link, self.readiness.failing, own_metrics).run()
            return
        app = operations_app(self.readiness, service="gateway")
        await serve(app, self._settings.operations_host, self._settings.operations_port)

    async def run(self) -> None:
        """Until cancelled; then finish calls, ship all records, close the stream, in this order and in bounded time."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run_part(reader.run)) for reader in self._readers]
            tasks.append(group.create_task(run_part(self._watch_age)))
            try:
                # The clock first: intents of adopted logs must not be stamped with a time that the sandbox has left.
                if self._sandbox_clock is not None:
                    await self._sandbox_clock.ready.wait()
                await self._serve(group, tasks)
            finally:
                for task in tasks:
                    task.cancel()

    async def _serve(self, group: asyncio.TaskGroup, tasks: list[asyncio.Task[None]]) -> None:
        settings = self._settings
        servers, prefix = settings.kafka_bootstrap_servers, settings.kafka_topic_prefix
        refusals = RefusalCounts(self._clock)
        current, adopted = self._open_logs()
        sender = KafkaSender(servers)
        self._shipper = shipper = UsageShipper(sender, prefix, current, adopted, refusals, self._clock)
        shipping = group.create_task(run_part(shipper.run))
        tasks.append(group.create_task(self._adopt_orphans(shipper)))
        tasks.append(group.create_task(keep_log(current, sync_seconds=settings.wal_sync_seconds)))
        guard = AddressGuard(parse_allowed(settings.allowed_private_addresses))
        sockets = Sockets()
        pool = UpstreamPool(group.create_task, guard, sockets)
        proxies = TrustedProxies(settings.proxy_networks) if settings.proxy_networks else None
        gate, answers = self._gate(current, refusals), Answers(settings.portal_url)
        server = ProxyServer(gate, pool, answers, metrics.CALLS, sockets, proxies)
        try:
            for feed in self._feeds:
                await feed.ready.wait()
            self._exchange = RateExchange(
                sender,
                prefix,
                current.stream_id.hex(),
                self.tables,
                interval_seconds=settings.rate_exchange_seconds,
            )
            tasks.append(group.create_task(run_part(KafkaReader(servers, [self._exchange.feed]).run)))
            tasks.append(group.create_task(run_part(self._exchange.run)))
            await self._exchange.feed.ready.wait()
            await shipper.announced.wait()
            self._judge_age()
            place = settings.wal_directory / f"listener-{self._place.number}.sock"
            certificates = self._certificates()
            tls = None if certificates is None else certificates.context
            self.port = await server.listen(settings.host, settings.port, place, tls)
            _settle_memory()
            self.listening.set()
            number = self._place.number
            log.info("gateway listens", form=FORM, port=self.port, stream=current.stream_id.hex(), worker=number)
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                server.sweep()
                pool.sweep()
                if certificates is not None:
                    certificates.follow()
                self._keep_features()
                pool.probe(self.tables.upstream_groups())
        except asyncio.CancelledError:
            # The cancellation has been heard; the steps below must not be interrupted by its count.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            await self._stop(server, pool, shipper, shipping, current)
            raise

    def _keep_features(self) -> None:
        """Several times a second: new keys, and what the cache did."""
        if self._identity is not None:
            self._identity.follow()
        metrics.CACHE_BYTES.set(self._cache.bytes)
        metrics.CACHE_HITS.inc(self._cache.hits)
        self._cache.hits = 0

    def _certificates(self) -> Certificates | None:
        certificate, key, directory = (
            self._settings.tls_certificate,
            self._settings.tls_key,
            self._settings.tls_directory,
        )
        if (certificate is None or key is None) and directory is None:
            return None
        return Certificates(certificate, key, directory)

    def _gate(self, current: WriteAheadLog, refusals: RefusalCounts) -> CallGate:
        settings = self._settings
        return CallGate(
            self.tables,
            self._tokens,
            current,
            refusals,
            self._clock,
            max_body_bytes=settings.max_body_bytes,
            failures=FailureBudget(settings.failures_per_second, settings.failures_burst),
            pass_unrecorded=settings.wal_full == "pass",
            identity=self._identity,
            cache=self._cache if settings.response_cache_bytes else None,
            pages=rule_for_pages([settings.portal_url, *filter(None, settings.portal_origins.split(","))]),
        )

    async def _stop(
        self,
        server: ProxyServer,
        pool: UpstreamPool,
        shipper: UsageShipper,
        shipping: asyncio.Task[None],
        current: WriteAheadLog,
    ) -> None:
        self.listening.clear()
        await asyncio.sleep(self._settings.drain_notice_seconds)
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
        adopted = self._adopt()
        files = StreamFiles.create(
            directory,
            partitions=GATEWAY_REQUESTS.partitions,
            segment_records=max(1, settings.wal_segment_bytes // CALL_BYTES),
            open_slots=settings.open_calls_max,
        )
        current = WriteAheadLog(
            files,
            self._clock,
            max_bytes=settings.wal_max_bytes // self._place.count,
            other_bytes=sum(stream.bytes_on_disk for stream in adopted),
        )
        return current, adopted

    def _adopt(self) -> list[WriteAheadLog]:
        adopted = []
        for files in orphans(self._settings.wal_directory):
            stream = WriteAheadLog(files, self._clock, max_bytes=self._settings.wal_max_bytes)
            intents = stream.recover()
            metrics.ADOPTED.inc()
            metrics.INTENTS.inc(intents)
            waiting = stream.end - 1 - stream.acknowledged
            log.info("adopted a stream", stream=stream.stream_id.hex(), unshipped=waiting, intents=intents)
            adopted.append(stream)
        return adopted

    async def _adopt_orphans(self, shipper: UsageShipper) -> None:
        """The log of a worker that dies beside us is shipped now, not when its place is taken again."""
        while True:
            await asyncio.sleep(ORPHAN_SECONDS)
            for stream in await asyncio.to_thread(self._adopt):  # a long log takes its time to be read
                shipper.adopt(stream)
            self.tables.sweep(time.monotonic_ns())

    async def _watch_age(self) -> None:
        """Calls are admitted while the oldest table is young enough."""
        while True:
            self._judge_age()
            await asyncio.sleep(0.2)

    def _judge_age(self) -> None:
        age = max(feed.age_seconds() for feed in self._feeds)
        self.tables.is_fresh = age <= self._settings.tables_max_age_seconds
        metrics.TABLES_AGE.set(min(age, time.monotonic()))


async def run(settings: Settings, arguments: list[str]) -> None:
    """The process."""
    configure_logging("gateway", settings.log_level)
    _collect_rarely()
    if arguments[:1] == ["worker"]:
        number, count, link = map(int, arguments[1:])
        gateway = Gateway(settings, WorkerPlace(number, count, link))
        await run_service(gateway.operations, gateway.run)
    elif settings.worker_count == 1:
        gateway = Gateway(settings)
        await run_service(gateway.operations, gateway.run)
    else:
        await _supervise(settings)


async def _supervise(settings: Settings) -> None:
    # Another program's port is an error here, not a loop of dying workers. Bound only, it gets no connection.
    with open_listener(settings.host, settings.port):
        supervisor = Supervisor(
            worker_command(),
            settings.worker_count,
            shutdown_seconds=settings.shutdown_seconds + settings.drain_notice_seconds,
        )
        app = operations_app(supervisor.readiness, service="gateway", metrics_text=supervisor.metrics)

        async def operations() -> None:
            await serve(app, settings.operations_host, settings.operations_port)

        await run_service(operations, supervisor.run)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        run_main(run(Settings(), sys.argv[1:]))
