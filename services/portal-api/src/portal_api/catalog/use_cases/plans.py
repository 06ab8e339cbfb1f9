"""Plans: made, versioned, deactivated, deleted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.plan import Plan, PlanTerms, make_version, terms_faults, to_state, with_version
from portal_api.catalog.ports import BillingView, CatalogRepository, Publisher
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations
from shared.clock import Clock
from shared.errors import DomainError
from shared.events.catalog import PlanVersion
from shared.events.topics import CATALOG_PLANS
from shared.ids import new_id


class Plans:
    """The plans of an organization."""

    def __init__(
        self,
        repository: CatalogRepository,
        reader: CatalogReader,
        organizations: Organizations,
        billing: BillingView,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._reader = reader
        self._organizations = organizations
        self._billing = billing
        self._publisher = publisher
        self._clock = clock

    async def create(
        self, session: AsyncSession, actor: Actor, organization: str, *, name: str, description: str, terms: PlanTerms
    ) -> Plan:
        """A plan with its first version."""
        owner = await self._organizations.require_role(session, actor, organization, "admin")
        _check(terms)
        numbers = await self._repository.next_numbers(session, 1)
        now = self._clock.now()
        plan = Plan(
            id=new_id("plan"),
            organization_id=owner.id,
            name=name.strip(),
            description=description,
            status="active",
            state_version=1,
            versions=(make_version(terms, number=numbers[0], ordinal=1, now=now),),
            created_at=now,
        )
        if not await self._repository.add_plan(session, plan):
            raise _name_taken(plan)
        await self._publish(session, plan)
        return plan

    async def change(
        self,
        session: AsyncSession,
        actor: Actor,
        plan_id: str,
        *,
        name: str | None,
        description: str | None,
        status: Literal["active", "inactive"] | None,
        terms_from: Callable[[PlanVersion], PlanTerms] | None,
    ) -> Plan:
        """Change names at once; changed terms make a new version, which existing subscriptions do not get.

        `terms_from` makes the wanted terms of the present version, so that a caller may state only what changes.
        """
        before = await self._reader.require_plan(session, actor, plan_id, role="admin", lock=True)
        plan = before
        if name is not None:
            plan = replace(plan, name=name.strip())
        if description is not None:
            plan = replace(plan, description=description)
        if status is not None:
            # Also while APIs offer it: they stop offering it, and offer it again when it is activated.
            plan = replace(plan, status=status)
        if terms_from is not None:
            plan = await self._with_terms(session, plan, terms_from(plan.current))
        if plan == before:
            return before
        plan = replace(plan, state_version=before.state_version + 1)
        if not await self._repository.save_plan(session, plan):
            raise _name_taken(plan)
        await self._publish(session, plan)
        return plan

    async def delete(self, session: AsyncSession, actor: Actor, plan_id: str) -> None:
        """Only a plan that nobody uses and no API offers; otherwise deactivate it."""
        plan = await self._reader.require_plan(session, actor, plan_id, role="admin", lock=True)
        live = await self._billing.live_subscription_count(session, api_id=None, plan_id=plan.id)
        if live:
            detail = f"{live} subscriptions use it. Deactivate it (`status`: inactive): nobody new can subscribe."
            raise DomainError("plan-in-use", 409, "The plan is in use", detail)
        await self._check_not_enabled(session, plan)
        plan = replace(plan, status="deleted", state_version=plan.state_version + 1)
        await self._repository.save_plan(session, plan)
        await self._publish(session, plan)

    async def _with_terms(self, session: AsyncSession, plan: Plan, terms: PlanTerms) -> Plan:
        _check(terms)
        current = plan.current
        unnumbered = make_version(terms, number=0, ordinal=current.ordinal + 1, now=self._clock.now())
        if _without_identity(unnumbered) == _without_identity(current):
            return plan
        if terms.currency != current.currency and current.pricing_model != "free":
            detail = "A plan keeps its currency: subscriptions of one plan share a price list. Create another plan."
            raise DomainError("currency-fixed", 422, "The currency cannot change", detail, "currency")
        number = (await self._repository.next_numbers(session, 1))[0]
        return with_version(plan, msgspec.structs.replace(unnumbered, number=number))

    async def _check_not_enabled(self, session: AsyncSession, plan: Plan) -> None:
        apis = await self._repository.apis_with_plan(session, plan.id)
        if apis:
            detail = f"It is enabled for {', '.join(apis[:5])}. Disable it there first (Monetize)."
            raise DomainError("plan-enabled", 409, "An API offers this plan", detail)

    async def _publish(self, session: AsyncSession, plan: Plan) -> None:
        await self._publisher.publish(session, CATALOG_PLANS, plan.id, to_state(plan))


def _without_identity(version: PlanVersion) -> PlanVersion:
    """What a version costs and limits, without which version it is."""
    return msgspec.structs.replace(version, number=0, ordinal=0, created_at=None)


def _check(terms: PlanTerms) -> None:
    faults = terms_faults(terms)
    if faults:
        raise DomainError(
            "plan-invalid",
            422,
            "The plan's terms are not valid",
            " ".join(fault.message for fault in faults),
            faults[0].field,
            errors=[{"field": fault.field, "message": fault.message} for fault in faults],
        )


def _name_taken(plan: Plan) -> DomainError:
    detail = f"The organization has another plan named `{plan.name}`. Choose another name."
    return DomainError("plan-name-taken", 409, "The name is taken", detail, "name")
