"""An open page is woken by what it is about, and by nothing else."""

import asyncio

from fastapi import Request
from tests.support.eventually import eventually

from portal_api.billing.adapters.changes import Changes
from portal_api.web.kit.live import Live


def test_a_change_wakes_whom_it_is_about() -> None:
    changes = Changes()
    mine, theirs = changes.watch({"sub_1", "user_1"}), changes.watch({"sub_2"})
    changes.touch("sub_1")
    assert not mine.event.is_set(), "nothing is told before the commit"
    changes.notify()
    assert (mine.event.is_set(), theirs.event.is_set()) == (True, False)
    mine.event.clear()
    changes.notify()
    assert not mine.event.is_set(), "a commit about nobody known wakes nobody"


def test_a_watch_is_forgotten_with_its_page() -> None:
    changes = Changes()
    watch = changes.watch({"sub_1"})
    assert len(changes._watches) == 1
    del watch
    assert len(changes._watches) == 0


async def test_a_stream_sends_what_changed_and_ends_with_the_process() -> None:
    changes, told = Changes(), asyncio.Queue[str]()
    live = Live(changes)
    texts = iter(("first", "first", "second"))
    looked: list[str] = []

    async def render() -> str:
        looked.append(next(texts, "second"))
        return looked[-1]

    async def never() -> dict[str, str]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}, never)
    response = live.stream(request, render, {"sub_1"})

    async def read() -> None:
        async for part in response.body_iterator:
            await told.put(str(part))

    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(live.run_until_stopped())
        reading = group.create_task(read())
        assert await told.get() == "data: first\n\n"
        for _ in range(2):
            changes.touch("sub_2")
            changes.notify()
        assert len(looked) == 1, "somebody else's change is no reason to look"
        changes.touch("sub_1")
        changes.notify()
        await eventually(lambda: len(looked) == 2)
        changes.touch("sub_1")
        changes.notify()
        assert await told.get() == "data: second\n\n"
        stopping.cancel()
        await reading
