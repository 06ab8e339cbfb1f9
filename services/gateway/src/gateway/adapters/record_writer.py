"""Call records into mapped memory, the commit word last. `record_writer.pyx` does the same in C."""

import mmap
import struct
from binascii import hexlify
from zlib import crc32

from shared.events.call_record import CALL, CALL_BYTES, COMMIT_OFFSET

_COMMIT = struct.Struct("<I")
_BODY = struct.Struct(CALL.format.removesuffix("I"))  # a record without its commit word
_RECORD = struct.Struct(f"<{COMMIT_OFFSET}sI")  # packed from left to right
_NAME_OFFSET = COMMIT_OFFSET - 16
_OPEN = struct.Struct("<16xQQ16xIII12x4x16s")  # what a call is known by while it is open
_CUT = 0xFFFFFFFF
_pack, _pack_record, _pack_commit, _unpack_open = _BODY.pack, _RECORD.pack_into, _COMMIT.pack_into, _OPEN.unpack_from


class RecordWriter:
    """Writes the records of one mapped file."""

    def __init__(self, area: mmap.mmap) -> None:
        self._area: memoryview = memoryview(area)

    def put(
        self,
        index: int,
        sequence: int,
        time_us: int,
        subscription: int,
        application: int,
        bytes_in: int,
        bytes_out: int,
        api: int,
        operation: int,
        plan: int,
        units: int,
        latency_us: int,
        upstream_us: int,
        status: int,
        flags: int,
        request_id: bytes,
    ) -> None:
        """Write record number `index` of the file. Times that do not fit are cut to their largest."""
        body = _pack(
            sequence, time_us, subscription, application, bytes_in, bytes_out, api, operation, plan, units,
            latency_us if latency_us < _CUT else _CUT, upstream_us if upstream_us < _CUT else _CUT, status, flags,
            request_id,
        )  # fmt: skip
        _pack_record(self._area, index * CALL_BYTES, body, crc32(body) or 1)

    def open(
        self,
        index: int,
        time_us: int,
        subscription: int,
        application: int,
        api: int,
        operation: int,
        plan: int,
        flags: int,
        request_prefix: bytes,
        request_number: int,
    ) -> None:
        """Note a call that is under way as number `index` of a table of open calls."""
        body = _pack(
            0, time_us, subscription, application, 0, 0, api, operation, plan, 0, 0, 0, 0, flags,
            request_prefix + request_number.to_bytes(8, "big"),
        )  # fmt: skip
        _pack_record(self._area, index * CALL_BYTES, body, crc32(body) or 1)

    def request_id(self, index: int) -> bytes:
        """Of record number `index`, 32 hexadecimal digits."""
        return hexlify(self._area[index * CALL_BYTES + _NAME_OFFSET : index * CALL_BYTES + COMMIT_OFFSET])

    def close(
        self,
        index: int,
        sequence: int,
        time_us: int,
        table: "RecordWriter",
        slot: int,
        bytes_in: int,
        bytes_out: int,
        units: int,
        latency_us: int,
        upstream_us: int,
        status: int,
        flags: int,
    ) -> None:
        """Write the record of a call that `table` noted as open, and take it out there: record first."""
        # `put` and `clear`, in place: calling them would add a tenth to what a record costs here.
        opened = slot * CALL_BYTES
        subscription, application, api, operation, plan, request_id = _unpack_open(table._area, opened)
        body = _pack(
            sequence, time_us, subscription, application, bytes_in, bytes_out, api, operation, plan, units,
            latency_us if latency_us < _CUT else _CUT, upstream_us if upstream_us < _CUT else _CUT, status, flags,
            request_id,
        )  # fmt: skip
        _pack_record(self._area, index * CALL_BYTES, body, crc32(body) or 1)
        _pack_commit(table._area, opened + COMMIT_OFFSET, 0)

    def clear(self, index: int) -> None:
        """Take back record number `index`: without its commit word it is none."""
        _pack_commit(self._area, index * CALL_BYTES + COMMIT_OFFSET, 0)

    def release(self) -> None:
        """The file is about to be closed."""
        self._area.release()
