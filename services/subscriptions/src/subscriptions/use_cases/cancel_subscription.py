"""Cancel, and take a scheduled cancellation back."""

from shared.events.subscriptions import SubscriptionCancelRequested, SubscriptionResumeRequested
from subscriptions.domain.ending import decide_cancel, decide_resume
from subscriptions.domain.subscription import At
from subscriptions.ports import Store
from subscriptions.use_cases.keep import keep_changed
from subscriptions.use_cases.request_subscription import WITHDRAWN, reject_request


class UnknownSubscription(Exception):
    """A record about a subscription that never came: kept as a dead letter for a person to look at."""


async def cancel_subscription(store: Store, command: SubscriptionCancelRequested, at: At) -> None:
    """Access is off in the transaction that reads the command."""
    subscription = await store.subscriptions.get(command.subscription_id)
    if subscription is None:
        parked = await store.parked.take(command.subscription_id)
        if parked is None:
            raise UnknownSubscription(command.subscription_id)
        await reject_request(store, parked, WITHDRAWN, at)
        return
    await keep_changed(store, subscription, decide_cancel(subscription, command, at))


async def resume_subscription(store: Store, command: SubscriptionResumeRequested) -> None:
    """Nothing follows where no end is scheduled."""
    subscription = await store.subscriptions.get(command.subscription_id)
    if subscription is None:
        raise UnknownSubscription(command.subscription_id)
    await keep_changed(store, subscription, decide_resume(subscription))
