"""Publish every present state and access entry again, for a lost read model or a lost Kafka.

`python -m subscriptions.republish`: rows go through the outbox under their locks, so that a newer state published
meanwhile comes after the older one. Versions stay: whoever has them ignores them.
"""

import asyncio

from shared.clock import SystemClock
from shared.db.engine import create_engine, session_factory
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.outbox import Outbox
from subscriptions.adapters.store import store_factory
from subscriptions.main import NAME, policy_of
from subscriptions.settings import Settings

PAGE = 500


async def republish(settings: Settings) -> tuple[int, int]:
    """How many states and how many access entries were put into the outbox; the service's relay sends them."""
    engine = create_engine(settings.database_url, application_name=f"{NAME}-republish")
    # Only the time of the record's CloudEvents header is read from it.
    outbox = Outbox(source=NAME, topic_prefix=settings.kafka_topic_prefix, clock=SystemClock())
    stores = store_factory(outbox, policy_of(settings))
    unit_of_work = UnitOfWork(session_factory(engine), outbox)
    states = entries = 0
    number, key = 0, ("", "")
    try:
        while True:
            async with unit_of_work.transaction() as session:
                store = stores(session)
                subscriptions = await store.subscriptions.page(number, PAGE)
                for subscription in subscriptions:
                    await store.publisher.state(subscription)
            if not subscriptions:
                break
            states += len(subscriptions)
            number = subscriptions[-1].number
        while True:
            async with unit_of_work.transaction() as session:
                store = stores(session)
                page = await store.access.page(key, PAGE)
                for entry in page:
                    await store.publisher.access(entry)
            if not page:
                return states, entries
            entries += len(page)
            key = (page[-1].application_id, page[-1].api_id)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    counts = asyncio.run(republish(Settings()))
    print(f"queued {counts[0]} subscriptions and {counts[1]} access entries")  # noqa: T201 - a command line tool
