"""What happens when nobody does anything: renewals, ends, graces, expiries. Bounded work per transaction."""

from subscriptions import metrics
from subscriptions.domain.deadlines import decide_due
from subscriptions.domain.ending import decide_api_retired, decide_stripe_disconnected
from subscriptions.domain.subscription import At, Subscription
from subscriptions.ports import Closing, Store
from subscriptions.use_cases.keep import keep_changed
from subscriptions.use_cases.request_subscription import reject_overdue, retry_parked

LIMIT = 100


async def let_time_pass(store: Store, at: At) -> bool:
    """One transaction's share of what is due. True when there may be more."""
    work = await store.agenda.look(at.business, at.real)
    metrics.PARKED.set(work.parked)
    due = await store.subscriptions.due(at.business, at.real, LIMIT) if work.due else ()
    for subscription in due:
        await keep_changed(store, subscription, decide_due(subscription, at, store.policy))
    ready = await retry_parked(store, at, LIMIT) if work.parked else 0
    overdue = await reject_overdue(store, at, LIMIT) if work.parked else 0
    closing = await _work_on_closing(store, at) if work.closing else False
    return bool(due) or LIMIT in {ready, overdue} or closing


async def _work_on_closing(store: Store, at: At) -> bool:
    """End some of the subscriptions of a retired API or a disconnected organization."""
    closing = await store.closings.next()
    if closing is None:
        return False
    subscriptions = await store.subscriptions.of_closing(closing, LIMIT)
    if not subscriptions:
        await store.closings.finish(closing)
        return True
    for subscription in subscriptions:
        await keep_changed(store, subscription, _closed(closing, subscription, at))
    return True


def _closed(closing: Closing, subscription: Subscription, at: At) -> Subscription | None:
    if closing.api_id:
        return decide_api_retired(subscription, at)
    return decide_stripe_disconnected(subscription, at)
