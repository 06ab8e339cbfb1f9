"""The catalogue moves: parked requests go on, and a retired API ends its subscriptions."""

from shared.events.catalog import ApiState, PlanState
from subscriptions.domain.subscription import At
from subscriptions.ports import Store
from subscriptions.use_cases.request_subscription import retry_parked

# What is left is the timer's, within a tick.
LIMIT = 100


async def follow_api(store: Store, api: ApiState, at: At) -> None:
    """An older version is ignored. Blocked APIs are the gateway's matter (routes), retired ones end here."""
    if not await store.catalog.put_api(api):
        return
    await retry_parked(store, at, LIMIT, api_id=api.api_id)
    if api.lifecycle == "retired":
        await store.closings.add(api_id=api.api_id)


async def follow_plan(store: Store, plan: PlanState, at: At) -> None:
    """An older version is ignored. Versions of a plan are immutable: no access entry changes."""
    if await store.catalog.put_plan(plan):
        await retry_parked(store, at, LIMIT, plan_id=plan.plan_id)
