"""Publish every present state that portal-api owns again, for a lost read model or a lost Kafka.

`python -m portal_api.republish`, in the service's environment: rows go through the outbox under their locks, so that a
newer state published meanwhile comes after the older one. Versions stay: whoever has them ignores them.
"""

import asyncio

from portal_api.composition.republication import Republication
from portal_api.main import build_republication, read_settings

# Pages are transactions, and writers of their rows wait for them: an API's state can be large.
PAGE = 100


async def republish(republication: Republication, *, page: int = PAGE) -> dict[str, int]:
    """How many states of each kind were put into the outbox; the service's relay sends them."""
    counts: dict[str, int] = {}
    try:
        for kind, publish_page in republication.kinds:
            counts[kind], after = 0, ""
            while True:
                async with republication.uow.transaction() as session:
                    ids = await publish_page(session, after=after, limit=page)
                if not ids:
                    break
                counts[kind] += len(ids)
                after = ids[-1]
        return counts
    finally:
        await republication.engine.dispose()


async def _republish_all() -> dict[str, int]:
    return await republish(build_republication(read_settings()))


if __name__ == "__main__":
    queued = asyncio.run(_republish_all())
    print("queued " + ", ".join(f"{count} {kind}" for kind, count in queued.items()))  # noqa: T201 - a command line tool
