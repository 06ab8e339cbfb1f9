"""Publish dirty windows, and until when they are complete.

The order that makes completeness true: (1) business time and the end of every partition are taken; (2) metering's
committed offsets reach those ends; (3) the minimum of all claims is computed; (4) every window dirty after that is
published; (5) only then the minimum is said, on every partition, behind those windows.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from metering import metrics
from metering.domain.completeness import Completeness, decide_complete_until
from metering.domain.usage_window import Window, WindowKey
from metering.ports import CallLog, LogRange, UsageTopic, WindowQueue
from shared.clock import Clock, from_us, to_us

log = structlog.get_logger()

WINDOWS_PER_TRANSACTION = 2_000
# Above this many dirty windows the publisher first catches up: their keys are kept in memory for step 4.
MAX_DIRTY = 100_000
LOOK_SECONDS = 0.25
IDLE_LOOK_SECONDS = 1.0
POLL_SECONDS = 0.25
DEFERRED_SECONDS = 0.05
# A break in reading longer than this makes streams look silent that could not be heard.
INTERRUPTION_SECONDS = 10.0


@dataclass(slots=True)
class _Look:
    """Step 1."""

    at_us: int
    ranges: Mapping[int, LogRange]


@dataclass(slots=True)
class _Pending:
    """Step 3, waiting for step 4: `unpublished` windows with the revision that must be out first."""

    complete_until_us: int
    unpublished: dict[WindowKey, int]


@dataclass(slots=True)
class _State:
    """What a publisher knows while it is the one; forgotten whenever that is in doubt."""

    said_us: int
    look: _Look | None = None
    pending: _Pending | None = None
    next_look: float = 0.0
    said_once: bool = False
    alarmed: frozenset[bytes] = field(default_factory=frozenset)


class Publisher:
    """One round after the other; whoever runs it decides when."""

    def __init__(
        self,
        queue: WindowQueue,
        topic: UsageTopic,
        calls: CallLog,
        clock: Clock,
        *,
        hold_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._topic = topic
        self._calls = calls
        self._clock = clock
        self._hold_seconds = hold_seconds
        self._monotonic = monotonic
        self._state: _State | None = None
        self._reading_since: float | None = None
        self._last_read = 0.0

    async def round(self) -> float:
        """Publish what is due. Returns after how many seconds to come again at the latest."""
        if not await self._queue.acquire_lease():
            await self.forget()
            return POLL_SECONDS
        state = self._state or await self._take_over()
        await self._advance(state)
        windows = await self._queue.due(WINDOWS_PER_TRANSACTION)
        unpublished = self._still_unpublished(state, windows)
        complete = self._to_say(state, unpublished)
        if windows or complete is not None:
            if complete is not None:
                await self._queue.save_complete_until(complete)
            await self._topic.publish(windows, None if complete is None else from_us(complete))
            await self._queue.mark_published(windows)
            metrics.WINDOWS_PUBLISHED.inc(len(windows))
        self._note(state, unpublished, complete)
        if len(windows) == WINDOWS_PER_TRANSACTION:
            return 0.0
        return DEFERRED_SECONDS if state.pending is not None else POLL_SECONDS

    async def forget(self) -> None:
        """After a failure or a lost lease: the next round starts from what is stored."""
        self._state = None
        await self._topic.close()
        await self._calls.close()

    async def stop(self) -> None:
        """Cleanly: the next publisher need not wait for the lease to expire."""
        await self.forget()
        await self._queue.release_lease()

    async def _take_over(self) -> _State:
        cluster_id = await self._topic.open()
        if await self._queue.follow_cluster(cluster_id):
            log.warning("another Kafka cluster: every window is published again", cluster_id=cluster_id)
        self._state = _State(said_us=await self._queue.complete_until_us())
        return self._state

    async def _advance(self, state: _State) -> None:
        """Steps 1 to 3, each as soon as it can be."""
        now = self._monotonic()
        if state.pending is not None:
            return
        if state.look is None:
            if now < state.next_look:
                return
            # The time first, then the ends: a stream unknown at those ends has no call before that time.
            at_us = to_us(self._clock.now())
            state.look = _Look(at_us, await self._calls.ranges())
            self._note_reading(now)
        if not await self._has_read(state.look):
            return
        decided = decide_complete_until(
            state.look.at_us,
            await self._queue.claims(self._monotonic() - (self._reading_since or now)),
            await self._queue.earliest_waiting_us(self._hold_seconds),
            self._hold_seconds,
        )
        self._alarm(state, decided)
        dirty = await self._queue.dirty(MAX_DIRTY)
        if len(dirty) < MAX_DIRTY:
            state.pending = _Pending(max(decided.complete_until_us, state.said_us), dirty)
            metrics.COMPLETE_LAG.set((state.look.at_us - state.pending.complete_until_us) / 1_000_000)
        state.look = None
        state.next_look = now + (LOOK_SECONDS if dirty else IDLE_LOOK_SECONDS)

    def _note_reading(self, now: float) -> None:
        """Since when Kafka has been readable without a break: nobody can be heard while it is not."""
        if self._reading_since is None or now - self._last_read > INTERRUPTION_SECONDS:
            self._reading_since = now
        self._last_read = now

    async def _has_read(self, look: _Look) -> bool:
        read = await self._queue.read_offsets()
        for partition, held in look.ranges.items():
            offset = read.get(partition)
            if offset is None:
                return False
            if offset < held.end:
                if held.first < held.end:
                    return False
                # Nothing is left to read: retention took what metering had not read.
                metrics.RECORDS_LOST.inc()
                log.error("unread calls are gone from the log", partition=partition, read=offset, end=held.end)
        return True

    def _alarm(self, state: _State, decided: Completeness) -> None:
        metrics.STREAMS_SILENT.set(len(decided.silent))
        metrics.GAPS_OVERDUE.set(len(decided.overdue_gaps))
        left_out = frozenset(decided.silent + decided.overdue_gaps)
        for stream_id in left_out - state.alarmed:
            reason = "silent" if stream_id in decided.silent else "gap"
            log.error("a stream no longer holds back completeness", stream=stream_id.hex(), reason=reason)
        state.alarmed = left_out

    @staticmethod
    def _still_unpublished(state: _State, windows: list[Window]) -> dict[WindowKey, int]:
        if state.pending is None:
            return {}
        unpublished = dict(state.pending.unpublished)
        for window in windows:
            if window.revision >= unpublished.get(window.key, window.revision + 1):
                del unpublished[window.key]
        return unpublished

    @staticmethod
    def _to_say(state: _State, unpublished: dict[WindowKey, int]) -> int | None:
        """What may be said behind this round's windows, if it is news, or the first word of this publisher."""
        if state.pending is None or unpublished:
            return None
        until = state.pending.complete_until_us
        return until if until > state.said_us or not state.said_once else None

    @staticmethod
    def _note(state: _State, unpublished: dict[WindowKey, int], complete: int | None) -> None:
        if state.pending is None:
            return
        state.pending.unpublished = unpublished
        if not unpublished:
            state.pending = None
        if complete is not None:
            state.said_us = complete
            state.said_once = True
