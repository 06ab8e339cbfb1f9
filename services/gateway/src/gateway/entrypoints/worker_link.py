"""Between the supervisor and one worker: a socket pair, one JSON document a line.

The worker says what it waits for, and its metrics when asked. Either side takes the other's end for its death.
"""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

STATUS_SECONDS = 0.1
METRICS_SECONDS = 2.0
_LINE_LIMIT = 16 << 20


class WorkerEnd:
    """In the worker."""

    def __init__(self, handle: int, failing: Callable[[], list[str]], metrics: Callable[[], Awaitable[bytes]]) -> None:
        self._socket = socket.socket(fileno=handle)
        self._failing = failing
        self._metrics = metrics

    async def run(self) -> None:
        """Until cancelled. A worker whose supervisor is gone finishes its calls and ends: its port is needed."""
        reader, writer = await asyncio.open_unix_connection(sock=self._socket, limit=_LINE_LIMIT)
        async with asyncio.TaskGroup() as group:
            status = group.create_task(self._say_status(writer))
            try:
                while await reader.readline():
                    _write(writer, {"metrics": (await self._metrics()).decode()})
            except ConnectionError:
                pass
            status.cancel()
        os.kill(os.getpid(), signal.SIGTERM)

    async def _say_status(self, writer: asyncio.StreamWriter) -> None:
        said: list[str] | None = None
        while not writer.is_closing():
            failing = self._failing()
            if failing != said:
                _write(writer, {"failing": failing})
                said = failing
            await asyncio.sleep(STATUS_SECONDS)


class SupervisorEnd:
    """In the supervisor."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._ours.setblocking(False)
        self.failing: list[str] = ["starting"]
        self.changed = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._asking = asyncio.Lock()

    @property
    def is_ready(self) -> bool:
        """The worker takes calls."""
        return not self.failing

    async def run(self) -> None:
        """Until the worker ends. To be started when the worker has its end."""
        self.theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=self._ours, limit=_LINE_LIMIT)
        try:
            while line := await reader.readline():
                said = json.loads(line)
                if "failing" in said:
                    self.failing = said["failing"]
                    self.changed.set()
                else:
                    self._answers.put_nowait(said["metrics"])
        except (ConnectionError, ValueError):
            pass
        finally:
            self.failing = ["ended"]
            self.changed.set()
            self._writer.close()

    async def metrics(self) -> str:
        """In the text format; empty when the worker does not answer in time."""
        async with self._asking:
            if self._writer is None or self._writer.is_closing():
                return ""
            while not self._answers.empty():
                self._answers.get_nowait()
            _write(self._writer, {"ask": "metrics"})
            try:
                async with asyncio.timeout(METRICS_SECONDS):
                    return await self._answers.get()
            except TimeoutError:
                return ""


def _write(writer: asyncio.StreamWriter, document: dict[str, Any]) -> None:
    writer.write(json.dumps(document).encode() + b"\n")
