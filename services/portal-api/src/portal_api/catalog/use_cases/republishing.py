"""The catalogue's present states on the bus again, page by page, for a lost read model or a lost Kafka."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain import api as apis
from portal_api.catalog.domain import plan as plans
from portal_api.catalog.ports import CatalogRepository, Publisher
from shared.events.topics import CATALOG_APIS, CATALOG_PLANS


@dataclass(frozen=True, slots=True)
class CatalogRepublishing:
    """Publishes states as they are: versions stay."""

    repository: CatalogRepository
    publisher: Publisher

    async def apis(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Publish the next APIs; their ids."""
        page = await self.repository.lock_apis(session, after=after, limit=limit)
        for api in page:
            await self.publisher.publish(session, CATALOG_APIS, api.id, apis.to_state(api))
        return [api.id for api in page]

    async def plans(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Publish the next plans; their ids."""
        page = await self.repository.lock_plans(session, after=after, limit=limit)
        for plan in page:
            await self.publisher.publish(session, CATALOG_PLANS, plan.id, plans.to_state(plan))
        return [plan.id for plan in page]
