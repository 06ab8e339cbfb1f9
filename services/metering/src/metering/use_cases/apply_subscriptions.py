"""Learn subscriptions and their periods, and count the calls that waited for them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from metering.domain.aggregation import aggregate
from metering.domain.period import Period
from metering.ports import UsageStore


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """What metering keeps of a subscription's state."""

    number: int
    subscription_id: str
    version: int
    end_us: int | None
    period: Period | None


async def apply_subscriptions(store: UsageStore, states: Sequence[SubscriptionFacts]) -> int:
    """Keep the newest of each; returns how many waiting calls were counted."""
    changed = set()
    for facts in states:
        if await store.save_subscription(
            facts.number, facts.subscription_id, facts.version, facts.end_us, facts.period
        ):
            changed.add(facts.number)
    return await count_waiting(store, changed)


async def release_waiting(store: UsageStore, limit: int = 1_000) -> int:
    """Count calls that wait although their subscription is known: two replicas, one with the call and one with the
    state, cannot see each other's uncommitted rows."""
    return await count_waiting(store, await store.waiting_and_known(limit))


async def count_waiting(store: UsageStore, numbers: Collection[int]) -> int:
    """Count the waiting calls of these subscriptions, as far as their terms are known."""
    if not numbers:
        return 0
    terms = await store.terms(numbers)
    if not terms:
        return 0
    calls = await store.take_waiting(terms.keys())
    if len(calls):
        await store.add(aggregate(calls, terms))
    return len(calls)
