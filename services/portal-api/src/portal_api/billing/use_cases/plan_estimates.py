"""What each plan of an API would cost at a volume, and which is cheapest there."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.explanation import Explanation, explain
from portal_api.billing.domain.summary import cheapest
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.use_cases.reading import CatalogReader, PublishedApi

MAX_UNITS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PlanEstimate:
    """Of one plan. `saving_minor`: what the cheapest plan saves against this one; None where that is nothing."""

    plan: Plan
    explanation: Explanation
    cheapest: bool
    saving_minor: int | None


@dataclass(frozen=True, slots=True)
class PlanEstimates:
    """At `units` of one billing period. Plans in different currencies or periods are not compared."""

    offer: PublishedApi
    units: int
    plans: tuple[PlanEstimate, ...]

    @property
    def cheapest(self) -> PlanEstimate | None:
        """Where there is a choice."""
        return next((one for one in self.plans if one.cheapest), None)


@dataclass(frozen=True, slots=True)
class Estimates:
    """The use case, with what it needs. It asks nobody who they are."""

    catalog: CatalogReader

    async def of_api(self, session: AsyncSession, organization: str, api_id: str, units: int) -> PlanEstimates:
        """All plans that the API offers."""
        return estimate_plans(await self.catalog.published_api(session, organization, api_id), units)


def estimate_plans(offer: PublishedApi, units: int) -> PlanEstimates:
    """Price the volume under every plan."""
    explained = [explain(plan.current, units) for plan in offer.plans]
    best = cheapest(explained) if len(explained) > 1 else None
    return PlanEstimates(
        offer,
        units,
        tuple(
            PlanEstimate(plan, one, one is best, (one.total_minor - best.total_minor) or None if best else None)
            for plan, one in zip(offer.plans, explained, strict=True)
        ),
    )
