"""The binary form of calls: the gateway's write-ahead log and the records of `gateway.requests` hold the same bytes.

A Kafka record is one header (48 bytes) and `count` call records (96 bytes each), little-endian, so that the gateway
encodes nothing when it ships and metering decodes with one `numpy.frombuffer`. The layout is contracts.md's.
"""

import struct
import zlib
from dataclasses import dataclass

MAGIC_AND_VERSION = 0x544C0001  # "TL", schema 1
HEADER = struct.Struct("<II16sQQ8x")  # magic and version, count, stream id, first sequence, complete_until_us
CALL = struct.Struct("<QQQQQQIIIIIIHH16sI")
HEADER_BYTES = 48
CALL_BYTES = 96
COMMIT_OFFSET = 92  # the checksum is the last word and is written last: a torn record has 0 or a wrong one

FLAG_BILLABLE = 1
FLAG_SANDBOX = 2
FLAG_CLIENT_ABORTED = 4
FLAG_UPSTREAM_FAILED = 8
FLAG_CACHED = 16
FLAG_INTENT_ONLY = 32

STREAM_CLOSED = 2**64 - 1  # complete_until of a stream that will never grow again

# Field names and numpy types in order; metering makes its dtype of them, so that `shared` needs no numpy.
FIELDS = (
    ("sequence", "<u8"),
    ("time_us", "<u8"),
    ("subscription", "<u8"),
    ("application", "<u8"),
    ("bytes_in", "<u8"),
    ("bytes_out", "<u8"),
    ("api", "<u4"),
    ("operation", "<u4"),
    ("plan_version", "<u4"),
    ("units", "<u4"),
    ("latency_us", "<u4"),
    ("upstream_us", "<u4"),
    ("status", "<u2"),
    ("flags", "<u2"),
    ("request_id", "V16"),
    ("commit", "<u4"),
)

if HEADER.size != HEADER_BYTES or CALL.size != CALL_BYTES:
    raise RuntimeError("the call record's layout is not what it must be")


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """Header of one Kafka record. Sequences are first_sequence .. first_sequence + count - 1."""

    count: int
    stream_id: bytes
    first_sequence: int
    complete_until_us: int


def checksum(record: bytes | bytearray | memoryview) -> int:
    """CRC-32 of the record without its commit word; never 0, so that 0 always means torn."""
    return zlib.crc32(record[:COMMIT_OFFSET]) or 1


def pack_header(header: BatchHeader) -> bytes:
    """The 48 bytes in front of the calls of one Kafka record."""
    return HEADER.pack(
        MAGIC_AND_VERSION, header.count, header.stream_id, header.first_sequence, header.complete_until_us
    )


def unpack_header(value: bytes | memoryview) -> BatchHeader:
    """Read and check a Kafka record's header. Raises ValueError for a foreign or cut record."""
    if len(value) < HEADER_BYTES:
        raise ValueError("shorter than a header")
    magic, count, stream_id, first_sequence, complete_until_us = HEADER.unpack_from(value)
    if magic != MAGIC_AND_VERSION:
        raise ValueError(f"unknown magic or schema version {magic:#x}")
    if len(value) != HEADER_BYTES + count * CALL_BYTES:
        raise ValueError(f"{len(value)} bytes cannot hold {count} calls")
    return BatchHeader(count, stream_id, first_sequence, complete_until_us)
