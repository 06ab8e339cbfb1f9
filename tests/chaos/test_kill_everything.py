"""`kill -9` of each process while calls flow: afterwards recorded = metered = reported = known to Stripe.

answered <= recorded <= received by the upstream, and recorded - answered <= calls in flight at the crash
(architecture, invariant 1). One round each in `make test`; TOLLWAY_CHAOS_ROUNDS for more.
"""

import asyncio
import os
import threading
from dataclasses import dataclass, field

import httpx
import pytest
from tests.support.eventually import eventually
from tests.support.money_count import Stations, count
from tests.support.whole_stack import WholeStack

ROUNDS = int(os.environ.get("TOLLWAY_CHAOS_ROUNDS", "1"))
CALLERS = 4
CALLS_BEFORE = 150
CALLS_AFTER = 150
VICTIMS = ("gateway", "metering", "subscriptions", "billing-sync", "portal-api", "kafka", "postgresql")


@dataclass
class Load:
    """Callers that go on whatever happens, and count the answers that they got in full."""

    url: str
    token: str
    answered: int = 0
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._call_on) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call_on(self) -> None:
        client = httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, timeout=20)
        while not self._stop.is_set():
            try:
                status = client.get(f"{self.url}/things").status_code
            except httpx.HTTPError:
                status = 0
                client.close()
                client = httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, timeout=20)
            with self._lock:
                self.answered += status == 200
                self.failed += status != 200
            # A steady pace: two processors carry the whole stack.
            self._stop.wait(0.01 if status == 200 else 0.1)
        client.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_nothing_is_lost_and_nothing_counts_twice(whole_stack: WholeStack, victim: str) -> None:
    journey = await asyncio.to_thread(whole_stack.published_api)
    app = await asyncio.to_thread(whole_stack.subscribed, journey)
    received_before = whole_stack.upstream.received
    load = Load(journey.api_url, app.access_token)
    load.start()
    try:
        for _ in range(ROUNDS):
            await _answers(load, CALLS_BEFORE)
            await asyncio.to_thread(whole_stack.stack.kill, victim)
            await asyncio.to_thread(whole_stack.stack.restart, victim)
            await _answers(load, CALLS_AFTER)
    finally:
        await asyncio.to_thread(load.stop)
    stations = await _drained(whole_stack, app.subscription_id, load.answered)
    received = whole_stack.upstream.received - received_before
    print(f"{victim}: answered {load.answered}, failed {load.failed}, received {received}, {stations}")
    assert stations.balanced
    assert load.answered <= stations.recorded_billable <= stations.recorded <= received
    assert stations.recorded - load.answered <= CALLERS * ROUNDS


async def _answers(load: Load, more: int) -> None:
    target = load.answered + more
    await eventually(lambda: load.answered >= target, timeout_seconds=90, message=f"{more} more answered calls")


async def _drained(whole: WholeStack, subscription_id: str, answered: int) -> Stations:
    """Wait until all stations agree, and still do at a second look."""
    last: Stations | None = None

    async def settled() -> Stations | None:
        nonlocal last
        before, last = last, await count(whole, subscription_id)
        return last if last.balanced and last == before and last.recorded >= answered else None

    try:
        return await eventually(settled, timeout_seconds=120, message="recorded = metered = reported")
    except AssertionError:
        raise AssertionError(f"{answered} answered; the stations do not balance: {last}") from None
