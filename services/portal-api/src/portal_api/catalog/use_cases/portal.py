"""An organization's portal as everybody sees it: finding an API, and its contract with our addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.contract import for_developers
from portal_api.catalog.domain.release import IN_PORTAL
from portal_api.catalog.ports import CatalogRepository, ContractReader
from portal_api.catalog.use_cases.reading import CatalogReader, PublishedApi
from portal_api.organizations.domain.organization import Organization
from portal_api.organizations.use_cases import Organizations


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: every word somewhere in the API's texts, and one tag."""

    text: str = ""
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class PortalCatalog:
    """The use cases, with what they need. They ask nobody who they are."""

    repository: CatalogRepository
    organizations: Organizations
    reader: CatalogReader
    contracts: ContractReader

    async def search(
        self, session: AsyncSession, organization: str, search: Search, *, limit: int, after: str | None
    ) -> tuple[Organization, list[PublishedApi]]:
        """The published APIs that fit, oldest first."""
        owner = await self.organizations.find(session, organization)
        apis = await self.repository.search_apis(
            session,
            owner.id,
            lifecycles=IN_PORTAL,
            text=search.text,
            tag=search.tag,
            limit=limit,
            after=after,
        )
        return owner, await self.reader.with_plans(session, apis)

    async def tags(self, session: AsyncSession, organization: str) -> Sequence[str]:
        """What the catalogue can be filtered by."""
        owner = await self.organizations.find(session, organization)
        return await self.repository.tags(session, owner.id, IN_PORTAL)

    async def contract_text(
        self, session: AsyncSession, organization: str, api_id: str
    ) -> tuple[PublishedApi, str | None, str]:
        """A published API, where its sandbox is called (None: it has none), and its contract as it was imported."""
        found = await self.reader.published_api(session, organization, api_id)
        sandbox = self.reader.gateway_url(found.api, "development") if found.api.development else None
        return found, sandbox, await self.reader.document(session, found.api)

    async def contract(self, found: PublishedApi, sandbox_url: str | None, text: str) -> dict[str, Any]:
        """The contract for callers. Outside any transaction: a large one takes a while to parse."""
        document = await self.contracts.parse(text)
        return for_developers(document, gateway_url=found.gateway_url, sandbox_url=sandbox_url)
