"""A request becomes a subscription, waits for the catalogue, or is rejected."""

from shared.events.subscriptions import SubscriptionRequested
from subscriptions.domain.plan_terms import Refusal
from subscriptions.domain.requesting import decide_request, has_seen, rejected
from subscriptions.domain.subscription import At
from subscriptions.ports import Store
from subscriptions.use_cases.keep import keep_new

_CATALOGUE_SILENT = Refusal(
    "catalog-not-seen", "The API or plan was not published to this service in time. Subscribe again in a few minutes."
)
WITHDRAWN = Refusal("withdrawn", "The request was taken back before it was decided.")


async def request_subscription(store: Store, command: SubscriptionRequested, at: At) -> None:
    """Decide at once if the catalogue is known as the command knows it, else park it. A repeat changes nothing."""
    if await store.subscriptions.get(command.subscription_id) is not None:
        return
    seen = await store.catalog.seen(command.api_id, command.plan_id)
    if not has_seen(seen, command):
        await store.parked.park(command, at.real + store.policy.parked)
        return
    # The pair is locked first: two requests of one pair in two replicas must see one another.
    await store.access.lock(command.application_id, command.api_id)
    others = await store.subscriptions.of_pair(command.application_id, command.api_id)
    decision = decide_request(command, seen, others, at)
    if isinstance(decision, Refusal):
        decision = rejected(command, decision, seen, at)
    await keep_new(store, decision)


async def reject_request(store: Store, command: SubscriptionRequested, refusal: Refusal, at: At) -> None:
    """A parked request ends without a decision on its merits."""
    seen = await store.catalog.seen(command.api_id, command.plan_id)
    await store.access.lock(command.application_id, command.api_id)
    await keep_new(store, rejected(command, refusal, seen, at))


async def retry_parked(store: Store, at: At, limit: int, *, api_id: str = "", plan_id: str = "") -> int:
    """Requests whose catalogue is there now are decided. Returns how many.

    Called in the transaction that brings an API or a plan; and by the timer for all of them, because two replicas may
    park a request and bring its plan at the same moment, neither seeing the other's open transaction.
    """
    ready = await store.parked.ready(limit, api_id=api_id, plan_id=plan_id)
    for command in ready:
        await store.parked.take(command.subscription_id)
        await request_subscription(store, command, at)
    return len(ready)


async def reject_overdue(store: Store, at: At, limit: int) -> int:
    """Requests whose catalogue never came. Returns how many."""
    overdue = await store.parked.overdue(at.real, limit)
    for command in overdue:
        await store.parked.take(command.subscription_id)
        await reject_request(store, command, _CATALOGUE_SILENT, at)
    return len(overdue)
