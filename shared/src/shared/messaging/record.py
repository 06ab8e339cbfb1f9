"""A record as handlers see it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import UnionType

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.events.envelope import E, decode
from shared.observability.tracing import trace


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record; `topic` without the installation's prefix."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: dict[str, str]
    timestamp_ms: int


Handler = Callable[[AsyncSession, Sequence[Record]], Awaitable[None]]


def each(kind: type[E] | UnionType, handle: Callable[[AsyncSession, E], Awaitable[None]]) -> Handler:
    """A handler that decodes every record as `kind` (a struct or a union) and handles one by one.

    Tombstones are skipped: the end of an entity is a state with a reason, which came before.
    """

    async def handle_all(session: AsyncSession, records: Sequence[Record]) -> None:
        for record in records:
            if record.value is not None:
                with trace(record.headers.get("traceparent")):
                    await handle(session, decode(record.value, kind))

    return handle_all
