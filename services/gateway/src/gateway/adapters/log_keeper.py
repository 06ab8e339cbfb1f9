"""What the log needs beside the path of a call, in a thread: the next segment's blocks, and writing to the disk."""

import asyncio
import time

import structlog

from gateway import metrics
from gateway.adapters.write_ahead_log import WriteAheadLog

log = structlog.get_logger()

LOOK_SECONDS = 0.1
FULL_DISK_SECONDS = 5.0


async def keep_log(stream: WriteAheadLog, *, sync_seconds: float) -> None:
    """Until cancelled. `sync_seconds`: between two writes to the disk; 0: the system decides."""
    prepared, look_at = -1, 0.0
    synced_at = time.monotonic()
    while True:
        await asyncio.sleep(min(LOOK_SECONDS, sync_seconds) if sync_seconds else LOOK_SECONDS)
        now = time.monotonic()
        number = stream.segment_to_prepare()
        if number >= 0 and number != prepared and now >= look_at:
            try:
                await asyncio.to_thread(stream.make_segment, number)
                prepared = number
            except OSError as error:
                look_at = now + FULL_DISK_SECONDS
                log.warning("the log's next segment cannot be made", error=str(error))
        if sync_seconds and now - synced_at >= sync_seconds:
            synced_at = now
            try:
                await asyncio.to_thread(stream.sync)
            except OSError as error:
                metrics.SYNC_FAILURES.inc()
                log.error("the log cannot be written to the disk", error=str(error))
