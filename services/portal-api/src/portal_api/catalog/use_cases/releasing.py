"""Moving an API through its lifecycle, and choosing its plans."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.api import Api, to_state
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.domain.release import (
    IN_PORTAL,
    TRANSITIONS,
    Action,
    Check,
    ReleaseFacts,
    Transition,
    checks_for,
    failing,
    transitions,
)
from portal_api.catalog.ports import BillingView, CatalogRepository, Publisher
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor
from shared.clock import Clock
from shared.errors import DomainError
from shared.events.topics import CATALOG_APIS


class Releases:
    """Lifecycle and plans of an API."""

    def __init__(
        self,
        repository: CatalogRepository,
        reader: CatalogReader,
        billing: BillingView,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._reader = reader
        self._billing = billing
        self._publisher = publisher
        self._clock = clock

    async def lifecycle(self, session: AsyncSession, actor: Actor, api_id: str) -> tuple[Api, list[Transition]]:
        """The state, and each possible step with its checks."""
        api = await self._reader.require_api(session, actor, api_id)
        return api, transitions(api.lifecycle, await self._facts(session, api))

    async def change(
        self, session: AsyncSession, actor: Actor, api_id: str, action: Action, sunset_at: datetime | None
    ) -> tuple[Api, list[Transition]]:
        """Take one step, if the table has it and its checks hold."""
        api = await self._reader.require_api(session, actor, api_id, lock=True)
        to = TRANSITIONS.get((api.lifecycle, action))
        if to is None:
            possible = ", ".join(step for start, step in TRANSITIONS if start == api.lifecycle) or "none"
            detail = f"An API that is {api.lifecycle} cannot {action}. Possible now: {possible}."
            raise DomainError("lifecycle-refused", 409, "The lifecycle has no such step", detail, "action")
        missing = failing(checks_for(action, await self._facts(session, api)))
        if missing:
            raise _refused(action, missing)
        # Deprecation may announce its end; leaving that state takes the announcement back.
        sunset = sunset_at if action == "deprecate" else api.sunset_at if to == "retired" else None
        api = replace(api, lifecycle=to, sunset_at=sunset, state_version=api.state_version + 1)
        await self._save(session, api)
        return api, transitions(api.lifecycle, await self._facts(session, api))

    async def set_plans(
        self, session: AsyncSession, actor: Actor, api_id: str, plan_ids: Sequence[str]
    ) -> tuple[Plan, ...]:
        """Monetize: exactly these plans are enabled. Subscriptions to a plan that is taken away go on."""
        api = await self._reader.require_api(session, actor, api_id, lock=True)
        wanted = tuple(dict.fromkeys(plan_ids))
        found = {plan.id: plan for plan in await self._repository.plans_by_id(session, wanted)}
        plans = []
        for index, plan_id in enumerate(wanted):
            plan = found.get(plan_id)
            is_usable = plan is not None and (plan.status == "active" or plan_id in api.plan_ids)
            if plan is None or not is_usable or plan.organization_id != api.organization_id:
                detail = f"`{plan_id}` is no active plan of this organization. List its plans to see which there are."
                raise DomainError("plan-not-usable", 422, "No such plan", detail, f"plan_ids.{index}")
            plans.append(plan)
        changed = replace(api, plan_ids=wanted, state_version=api.state_version + 1)
        if api.lifecycle in IN_PORTAL:
            missing = failing(checks_for("publish", await self._facts(session, changed)))
            if missing:
                raise _refused("publish", missing)
        if wanted != api.plan_ids:
            await self._save(session, changed)
        return tuple(plans)

    async def plans(self, session: AsyncSession, actor: Actor, api_id: str) -> tuple[Plan, ...]:
        """The enabled plans."""
        api = await self._reader.require_api(session, actor, api_id)
        return await self._reader.enabled_plans(session, api)

    async def _save(self, session: AsyncSession, api: Api) -> None:
        await self._repository.save_api(session, api)
        await self._publisher.publish(session, CATALOG_APIS, api.id, to_state(api))

    async def _facts(self, session: AsyncSession, api: Api) -> ReleaseFacts:
        plans = await self._reader.enabled_plans(session, api)
        return ReleaseFacts(
            deployed_to_production=api.production is not None,
            enabled_plans=len(plans),
            paid_plans=sum(plan.paid for plan in plans),
            stripe_connected=await self._billing.is_stripe_connected(session, api.organization_id),
            live_subscriptions=await self._billing.live_subscription_count(session, api_id=api.id, plan_id=None),
        )


def _refused(action: Action, missing: Sequence[Check]) -> DomainError:
    return DomainError(
        "lifecycle-checks-failed",
        409,
        f"The API cannot {action} yet",
        " ".join(check.detail for check in missing),
        errors=[{"check": check.name, "message": check.detail} for check in missing],
    )
