"""The files of one stream of call records: a header, a table of open calls, and numbered segments.

All are memory-mapped: what a worker wrote is in the page cache the moment it was written, so a killed worker loses
nothing. The header's lock tells living from dead; it goes with the process. Segment k holds the sequences
k*R+1 .. (k+1)*R, so a sequence is found without an index.
"""

import fcntl
import mmap
import os
import re
import secrets
import shutil
import struct
import time
from pathlib import Path

from shared.events.call_record import CALL_BYTES

_MAGIC = 0x544C57414C000001  # "TLWAL", layout 1
_HEADER = struct.Struct("<Q16sIIIIQQQ")
_CHECKPOINT = struct.Struct("<QQQ")  # acknowledged sequence, its time_us, the last complete_until_us sent
_CHECKPOINT_OFFSET = 40
_PAGE = mmap.PAGESIZE
DRAFT_SECONDS = 60
_STREAM_FOLDER = re.compile(r"\.?[0-9a-f]{32}")


class StreamBusy(Exception):
    """Another living worker holds the stream."""


class NotAStream(Exception):
    """The folder holds no readable stream."""


def _map(path: Path, size: int) -> mmap.mmap:
    """Map a file, creating it with all its blocks: a full disk is an error here and not a signal later."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(handle).st_size < size:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, size)
            else:
                os.ftruncate(handle, size)
        return mmap.mmap(handle, size, mmap.MAP_SHARED)
    finally:
        os.close(handle)


class StreamFiles:
    """One stream's folder, locked by this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = os.open(path / "header", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StreamBusy(str(path)) from error
        self._header: mmap.mmap | None = None
        self._open_calls: mmap.mmap | None = None
        self._segments: dict[int, mmap.mmap] = {}
        self.stream_id = b""
        self.partition = 0
        self.segment_records = 0
        self.open_slots = 0

    @classmethod
    def create(cls, directory: Path, *, partitions: int, segment_records: int, open_slots: int) -> "StreamFiles":
        """A new stream, written to one partition for life. It appears under its name only when it is complete."""
        stream_id = secrets.token_bytes(16)
        draft = directory / f".{stream_id.hex()}"
        draft.mkdir(parents=True, mode=0o700)
        files = cls(draft)
        files.stream_id = stream_id
        files.partition = int.from_bytes(stream_id[:8], "big") % partitions
        files.segment_records = segment_records
        files.open_slots = open_slots
        files._header = _map(draft / "header", _PAGE)
        files._open_calls = _map(draft / "open-calls", open_slots * CALL_BYTES)
        _HEADER.pack_into(files._header, 0, _MAGIC, stream_id, files.partition, segment_records, open_slots, 0, 0, 0, 0)
        files.path = draft.rename(directory / stream_id.hex())
        return files

    @classmethod
    def open(cls, path: Path) -> "StreamFiles":
        """A stream that is there. Raises StreamBusy for a living worker's, NotAStream for what cannot be read."""
        if not (path / "header").exists():
            raise NotAStream(str(path))
        files = cls(path)
        if os.fstat(files._lock).st_size < _HEADER.size:
            files.close()
            raise NotAStream(str(path))
        files._header = _map(path / "header", _PAGE)
        magic, files.stream_id, files.partition, files.segment_records, files.open_slots, *_ = _HEADER.unpack_from(
            files._header
        )
        if magic != _MAGIC:
            files.close()
            raise NotAStream(str(path))
        files._open_calls = _map(path / "open-calls", files.open_slots * CALL_BYTES)
        return files

    @property
    def open_calls(self) -> mmap.mmap:
        """The table of open calls."""
        if self._open_calls is None:
            raise ValueError("the stream is closed")
        return self._open_calls

    def checkpoint(self) -> tuple[int, int, int]:
        """Acknowledged sequence, its time_us, and the last complete_until_us that may have been sent."""
        if self._header is None:
            raise ValueError("the stream is closed")
        acknowledged, time_us, complete_until_us = _CHECKPOINT.unpack_from(self._header, _CHECKPOINT_OFFSET)
        return acknowledged, time_us, complete_until_us

    def write_checkpoint(self, acknowledged: int, time_us: int, complete_until_us: int) -> None:
        """Survives the process; written after Kafka's acknowledgement (complete_until: before it is sent)."""
        if self._header is None:
            raise ValueError("the stream is closed")
        _CHECKPOINT.pack_into(self._header, _CHECKPOINT_OFFSET, acknowledged, time_us, complete_until_us)

    def segment_numbers(self) -> list[int]:
        """Segments on disk, in order."""
        return sorted(int(path.stem) for path in self.path.glob("*.segment"))

    @property
    def segment_bytes(self) -> int:
        """Size of one segment."""
        return self.segment_records * CALL_BYTES

    def segment(self, number: int) -> mmap.mmap:
        """A segment, made when it is not there. Raises OSError when the disk is full."""
        found = self._segments.get(number)
        if found is None:
            found = self._segments[number] = _map(self._segment_path(number), self.segment_bytes)
        return found

    def allocate(self, number: int) -> None:
        """Make a segment's file with all its blocks, from any thread; `segment` maps it later."""
        _map(self._segment_path(number), self.segment_bytes).close()

    def sync(self) -> None:
        """Write what is mapped to the disk, from any thread."""
        for path in (self.path / "open-calls", *sorted(self.path.glob("*.segment"))[-2:], self.path / "header"):
            try:
                handle = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue  # shipped and freed meanwhile
            try:
                os.fdatasync(handle)
            finally:
                os.close(handle)

    def _segment_path(self, number: int) -> Path:
        return self.path / f"{number:016}.segment"

    def drop_segment(self, number: int) -> None:
        """Every record of it is acknowledged."""
        segment = self._segments.pop(number, None)
        if segment is not None:
            segment.close()
        self._segment_path(number).unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the stream to whoever adopts it."""
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()
        if self._open_calls is not None:
            self._open_calls.close()
        if self._header is not None:
            self._header.close()
        os.close(self._lock)

    def delete(self) -> None:
        """Kafka has everything and knows that the stream is closed. Unlinked before the lock goes."""
        gone = self.path.rename(self.path.with_name(f".{self.path.name}.gone"))
        shutil.rmtree(gone)
        self.close()


def orphans(directory: Path) -> list[StreamFiles]:
    """Streams of dead workers, now locked by us; old drafts and leftovers of interrupted deletions are removed."""
    found = []
    for path in sorted(directory.iterdir()):
        # A volume's root holds folders that are not ours and may not be read, lost+found for one.
        if not _STREAM_FOLDER.fullmatch(path.name) or not path.is_dir():
            continue
        try:
            if path.name.startswith("."):
                if time.time() - path.stat().st_mtime < DRAFT_SECONDS:  # noqa: TID251 - files have real times
                    continue  # a worker is making it
                leftover = StreamFiles(path)
                shutil.rmtree(path)
                leftover.close()
            else:
                found.append(StreamFiles.open(path))
        except (StreamBusy, NotAStream, FileNotFoundError):
            continue  # living, unreadable, or gone: another worker was faster
    return found
