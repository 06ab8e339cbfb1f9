"""Save what was decided, publish it, and derive the access entry: always together, in one transaction."""

from dataclasses import replace

import structlog

from subscriptions import metrics
from subscriptions.domain.access_entry import NO_SUBSCRIPTION, derive_entry
from subscriptions.domain.billing import BILLING_INCOMPLETE
from subscriptions.domain.plan_terms import PlanTerms, terms_of
from subscriptions.domain.state import state_of
from subscriptions.domain.subscription import Subscription
from subscriptions.ports import Store

log = structlog.get_logger()


async def keep_new(store: Store, subscription: Subscription) -> None:
    """A subscription that was not there before. The caller holds the lock on its pair."""
    added = await store.subscriptions.add(subscription)
    _count(added)
    await store.publisher.state(added)
    await derive_access(store, added.application_id, added.api_id)


async def keep_changed(store: Store, before: Subscription, after: Subscription | None) -> bool:
    """A decision about a known subscription. False when it changed nothing.

    What only we remember (the number of Stripe's last state) is stored without a new version: nobody else sees it.
    """
    if after is None or after == before:
        metrics.IGNORED.labels(before.status).inc()
        return False
    if state_of(after) != state_of(before):
        after = replace(after, version=before.version + 1)
        await store.publisher.state(after)
    if after.status != before.status:
        _count(after)
    await store.subscriptions.save(after)
    await derive_access(store, after.application_id, after.api_id)
    return True


async def derive_access(store: Store, application_id: str, api_id: str) -> None:
    """Publish the pair's access entry if it changed."""
    present = await store.access.lock(application_id, api_id)
    subscriptions = await store.subscriptions.of_pair(application_id, api_id)
    terms: dict[str, PlanTerms | None] = {}
    for subscription in subscriptions:
        plan = await store.catalog.plan(subscription.plan_id)
        terms[subscription.subscription_id] = terms_of(plan, subscription.plan_version_number)
    version = present.version if present else 0
    entry = derive_entry(application_id, api_id, subscriptions, lambda s: terms[s.subscription_id], version)
    if entry == present or (present is None and entry.production == NO_SUBSCRIPTION):
        return
    entry = derive_entry(application_id, api_id, subscriptions, lambda s: terms[s.subscription_id], version + 1)
    await store.access.save(entry)
    await store.publisher.access(entry)
    metrics.ACCESS_CHANGES.inc()


def _count(subscription: Subscription) -> None:
    metrics.TRANSITIONS.labels(subscription.status).inc()
    if subscription.status == "rejected":
        metrics.REJECTIONS.labels(subscription.problem or "").inc()
    if subscription.status == "canceled" and subscription.problem == BILLING_INCOMPLETE:
        metrics.BILLING_INCOMPLETE.inc()
        log.error("ended without a verified final invoice", subscription_id=subscription.subscription_id)
