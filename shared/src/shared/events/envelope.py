"""CloudEvents in Kafka's binary content mode: attributes in headers, the struct as JSON in the value.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import UnionType
from typing import Any, TypeVar, overload

import msgspec

E = TypeVar("E", bound="Event")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events. `type` (the struct's tag) is the CloudEvents type, e.g. `subscription.changed.v1`."""


class State(Event, frozen=True, kw_only=True):
    """The whole state of one entity, for a compacted topic. `version` belongs to the key and only ever grows."""

    version: int


def event_type(event: Event | type[Event]) -> str:
    """The CloudEvents `type` of an event or of its class."""
    tag = event.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{event!r} has no type tag")
    return tag


_encoder = msgspec.json.Encoder(decimal_format="string")


def encode(event: Event) -> bytes:
    """The value of the Kafka record: JSON, Decimals as strings, times as RFC 3339 in UTC."""
    return _encoder.encode(event)


_decoders: dict[object, msgspec.json.Decoder[object]] = {}


@overload
def decode(value: bytes, kind: type[E]) -> E: ...


@overload
def decode(value: bytes, kind: UnionType) -> Any: ...


def decode(value: bytes, kind: Any) -> Any:
    """Decode a record's value as `kind`: a struct, or a union of structs by their `type`.

    Raises msgspec.ValidationError (a ValueError) when the value is not such an event.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(value)


def headers_for(*, event_id: str, kind: str, source: str, time: datetime, traceparent: str | None) -> dict[str, str]:
    """CloudEvents attributes as Kafka headers."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": kind,
        "ce_source": source,
        "ce_time": time.isoformat(),
        "content-type": "application/json",
    }
    if traceparent:
        headers["traceparent"] = traceparent
    return headers


def to_kafka_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Headers in the form that aiokafka takes."""
    return [(name, value.encode()) for name, value in headers.items()]


def from_kafka_headers(headers: Iterable[tuple[str, bytes | None]] | None) -> dict[str, str]:
    """Headers in the form that handlers read; a header without a value is left out."""
    return {name: value.decode("utf-8", "replace") for name, value in headers or () if value is not None}
