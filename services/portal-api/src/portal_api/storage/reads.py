"""What a transaction has read, it does not ask for again: a page checks membership in every use case that it calls."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from sqlmodel.ext.asyncio.session import AsyncSession

_READS = "reads"
T = TypeVar("T")


async def once(session: AsyncSession, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
    """What `load` gave for `key` in this transaction. Whoever changes such rows calls `forget`."""
    known = _known(session)
    if key not in known:
        known[key] = await load()
    return cast(T, known[key])


def remember(session: AsyncSession, key: Hashable, value: object) -> None:
    """Another query has brought it along."""
    _known(session)[key] = value


def forget(session: AsyncSession) -> None:
    """Something was changed, or is read again under a lock."""
    session.info.pop(_READS, None)


def _known(session: AsyncSession) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = session.info.setdefault(_READS, {})
    return found
