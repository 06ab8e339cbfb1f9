"""The parent of the workers: starts them, restarts the ones that die, replaces them one by one on SIGHUP.

It serves the operations port for all of them and touches no call. Its death is noticed by the workers, which then
finish their calls and end.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator, Sequence

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from gateway.entrypoints.worker_link import SupervisorEnd
from shared.http.operations import Readiness

log = structlog.get_logger()

READY_SECONDS = 120.0  # of a successor; then the predecessor stays
QUICK_DEATH_SECONDS = 10.0
BACKOFF_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)

RESTARTS = Counter("gateway_worker_restarts_total", "Workers started again after they died; a rise: see their log")
READY = Gauge("gateway_workers_ready", "Workers that take calls")


class _Worker:
    """A process and what we know of it."""

    def __init__(self, number: int, process: asyncio.subprocess.Process, link: SupervisorEnd) -> None:
        self.number = number
        self.process = process
        self.link = link
        self.leaving = False


class Supervisor:
    """Keeps `count` workers."""

    def __init__(self, command: Sequence[str], count: int, *, shutdown_seconds: float) -> None:
        self._command = list(command)
        self._count = count
        self._shutdown_seconds = shutdown_seconds
        self._workers: dict[int, _Worker] = {}
        self._leaving: set[_Worker] = set()
        self._group: asyncio.TaskGroup | None = None
        self._replacing = asyncio.Lock()
        self._were_ready = False
        self.readiness = Readiness({"workers": self._are_ready})

    def _are_ready(self) -> bool:
        """First all of them; later one is enough: the others are being started again."""
        ready = sum(worker.link.is_ready for worker in self._workers.values())
        READY.set(ready)
        self._were_ready = self._were_ready or ready == self._count
        return ready > 0 if self._were_ready else False

    async def run(self) -> None:
        """Until cancelled; then the workers finish in their own time, and are killed when they do not."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for number in range(self._count):
                    group.create_task(self._keep(number))
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
            task = asyncio.current_task()
            cancelled = 0 if task is None else task.cancelling()
            for _ in range(cancelled):
                task.uncancel()  # type: ignore[union-attr]
            await self._end([*self._workers.values(), *self._leaving])

    def _on_hangup(self) -> None:
        if self._group is not None:
            self._group.create_task(self._replace_all())

    async def _start(self, number: int) -> _Worker:
        link = SupervisorEnd()
        process = await asyncio.create_subprocess_exec(
            *self._command, str(number), str(self._count), str(link.theirs.fileno()), pass_fds=(link.theirs.fileno(),)
        )
        worker = _Worker(number, process, link)
        if self._group is not None:
            self._group.create_task(link.run())
        log.info("worker started", worker=number, process=process.pid)
        return worker

    async def _keep(self, number: int) -> None:
        quick_deaths = 0
        self._workers[number] = await self._start(number)
        while True:
            worker = self._workers[number]
            started = time.monotonic()
            code = await worker.process.wait()
            if worker is not self._workers[number]:
                continue  # its successor has taken over
            RESTARTS.inc()
            quick = time.monotonic() - started < QUICK_DEATH_SECONDS
            quick_deaths = quick_deaths + 1 if quick else 0
            log.error("a worker died and is started again", worker=number, process=worker.process.pid, code=code)
            await asyncio.sleep(BACKOFF_SECONDS[min(quick_deaths, len(BACKOFF_SECONDS) - 1)])
            self._workers[number] = await self._start(number)

    async def _replace_all(self) -> None:
        """A new generation, one place after the other; a successor that does not get ready changes nothing."""
        async with self._replacing:
            for number in range(self._count):
                successor = await self._start(number)
                if not await _gets_ready(successor):
                    log.error("the successor did not get ready; the old worker stays", worker=number)
                    await self._end([successor])
                    return
                before, self._workers[number] = self._workers[number], successor
                self._leaving.add(before)
                await self._end([before])
                self._leaving.discard(before)
            log.info("all workers are replaced", count=self._count)

    async def _end(self, workers: Sequence[_Worker]) -> None:
        alive = [worker for worker in workers if worker.process.returncode is None]
        for worker in alive:
            worker.leaving = True
            worker.process.terminate()
        waits = [asyncio.ensure_future(worker.process.wait()) for worker in alive]  # noqa: TID251 - awaited below
        if waits:
            # Drain, ship and close are bounded each.
            await asyncio.wait(waits, timeout=2 * self._shutdown_seconds + 5)
        for worker in alive:
            if worker.process.returncode is None:
                log.error("a worker did not end in time and is killed", worker=worker.number)
                worker.process.kill()
                await worker.process.wait()

    async def metrics(self) -> bytes:
        """Of all workers, each with its number in the label `worker`, and our own."""
        workers = sorted(self._workers.items())
        async with asyncio.TaskGroup() as group:
            asked = [(str(number), group.create_task(worker.link.metrics())) for number, worker in workers]
        self._are_ready()
        texts = [(number, task.result()) for number, task in asked]
        return merge_metrics([*texts, ("supervisor", generate_latest(REGISTRY).decode())])


class _Merged(Collector):
    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        self._families: dict[str, Metric] = {}
        for worker, text in texts:
            for family in text_string_to_metric_families(text):
                merged = self._families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type, family.unit)
                )
                merged.samples += [
                    sample._replace(labels={**sample.labels, "worker": worker}) for sample in family.samples
                ]

    def collect(self) -> Iterator[Metric]:
        yield from self._families.values()


def merge_metrics(texts: Sequence[tuple[str, str]]) -> bytes:
    """Several scrapes in the text format as one; who said a sample is in its label `worker`."""
    registry = CollectorRegistry()
    registry.register(_Merged(texts))
    return generate_latest(registry)


async def _gets_ready(worker: _Worker) -> bool:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not worker.link.is_ready:
                if worker.process.returncode is not None or worker.link.failing == ["ended"]:
                    return False
                await worker.link.changed.wait()
                worker.link.changed.clear()
    except TimeoutError:
        return False
    return True


def worker_command() -> list[str]:
    """How a worker is started: its number, of how many, and its end of the link follow."""
    return [sys.executable, "-m", "gateway.main", "worker"]
