"""Reading the catalogue: for members, for developers, and for the features above."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.api import Api, ContractOperation, gateway_url_of
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.domain.release import IN_PORTAL
from portal_api.catalog.ports import CatalogRepository
from portal_api.identity.domain.access import Actor, Role
from portal_api.organizations.domain.organization import Organization
from portal_api.organizations.use_cases import Organizations, not_found
from shared.errors import DomainError
from shared.events.catalog import Environment


@dataclass(frozen=True, slots=True)
class PublishedApi:
    """An API as its organization's portal shows it."""

    api: Api
    plans: tuple[Plan, ...]
    gateway_url: str


class CatalogReader:
    """Loads and checks; changes nothing."""

    def __init__(self, repository: CatalogRepository, organizations: Organizations, gateway_url: str) -> None:
        self._repository = repository
        self._organizations = organizations
        self._gateway_url = gateway_url

    def gateway_url(self, api: Api, environment: Environment = "production") -> str:
        """Where the gateway serves it."""
        return gateway_url_of(self._gateway_url, api, environment)

    async def get_api(self, session: AsyncSession, api_id: str, *, lock: bool = False) -> Api:
        """Any API, or 404. For the features above: it asks nobody who they are."""
        api = await self._repository.api(session, api_id, lock=lock)
        if api is None:
            raise not_found("api")
        return api

    async def get_plan(self, session: AsyncSession, plan_id: str, *, lock: bool = False) -> Plan:
        """Any plan that is not deleted, or 404; `.current` is the version that new subscriptions get."""
        plan = await self._repository.plan(session, plan_id, lock=lock)
        if plan is None or plan.status == "deleted":
            raise not_found("plan")
        return plan

    async def enabled_plans(self, session: AsyncSession, api: Api) -> tuple[Plan, ...]:
        """The active plans enabled for an API, in the order in which they were enabled."""
        found = {plan.id: plan for plan in await self._repository.plans_by_id(session, api.plan_ids)}
        return tuple(found[i] for i in api.plan_ids if i in found and found[i].status == "active")

    async def require_api(
        self, session: AsyncSession, actor: Actor, api_id: str, *, role: Role | None = None, lock: bool = False
    ) -> Api:
        """An API of an organization where the actor has `role`; another tenant's does not exist for them.

        Without `role`: who looks must be viewer, who is about to change it (`lock`) publisher.
        """
        api = await self.get_api(session, api_id, lock=lock)
        await self._require(session, actor, api.organization_id, role or ("publisher" if lock else "viewer"), "api")
        return api

    async def require_plan(
        self, session: AsyncSession, actor: Actor, plan_id: str, *, role: Role = "viewer", lock: bool = False
    ) -> Plan:
        """A plan of an organization where the actor has `role`."""
        plan = await self.get_plan(session, plan_id, lock=lock)
        await self._require(session, actor, plan.organization_id, role, "plan")
        return plan

    async def _require(self, session: AsyncSession, actor: Actor, organization_id: str, role: Role, what: str) -> None:
        try:
            await self._organizations.require_role(session, actor, organization_id, role)
        except DomainError as error:
            if error.status == 404:
                # The same words as for an id that nobody has.
                raise not_found(what) from error
            raise

    async def list_apis(
        self, session: AsyncSession, actor: Actor, organization: str, project: str, *, limit: int, after: str | None
    ) -> list[Api]:
        """The APIs of a project."""
        owner, found = await self._organizations.require_project(session, actor, organization, project)
        return await self._repository.apis(session, owner.id, project_id=found.id, limit=limit, after=after)

    async def list_organization_apis(
        self, session: AsyncSession, actor: Actor, organization: str, *, limit: int, after: str | None
    ) -> list[Api]:
        """The APIs of all its projects."""
        owner = await self._organizations.require_role(session, actor, organization, "viewer")
        return await self._repository.apis(session, owner.id, limit=limit, after=after)

    async def list_plans(
        self, session: AsyncSession, actor: Actor, organization: str, *, limit: int, after: str | None
    ) -> list[Plan]:
        """The plans of an organization."""
        owner = await self._organizations.require_role(session, actor, organization, "viewer")
        return await self._repository.plans(session, owner.id, limit=limit, after=after)

    async def operations(self, session: AsyncSession, api: Api) -> list[ContractOperation]:
        """What can be called."""
        return await self._repository.operations(session, api.id)

    async def document(self, session: AsyncSession, api: Api) -> str:
        """The contract as it was imported."""
        document = await self._repository.document(session, api.id)
        if document is None:
            raise not_found("api")
        return document

    async def published_apis(
        self, session: AsyncSession, organization: str, *, limit: int, after: str | None
    ) -> tuple[Organization, list[PublishedApi]]:
        """What an organization's portal offers, to everybody."""
        owner = await self._organizations.find(session, organization)
        apis = await self._repository.apis(session, owner.id, lifecycles=IN_PORTAL, limit=limit, after=after)
        return owner, await self.with_plans(session, apis)

    async def published_api(self, session: AsyncSession, organization: str, api: str) -> PublishedApi:
        """One of them, by id."""
        owner = await self._organizations.find(session, organization)
        found = await self._repository.api(session, api)
        if found is None or found.organization_id != owner.id or found.lifecycle not in IN_PORTAL:
            raise not_found("api")
        return (await self.with_plans(session, [found]))[0]

    async def with_plans(self, session: AsyncSession, apis: Sequence[Api]) -> list[PublishedApi]:
        """APIs with their active plans, as a portal shows them."""
        ids = sorted({plan_id for api in apis for plan_id in api.plan_ids})
        plans = {plan.id: plan for plan in await self._repository.plans_by_id(session, ids)}
        return [
            PublishedApi(
                api,
                tuple(plans[i] for i in api.plan_ids if i in plans and plans[i].status == "active"),
                self.gateway_url(api),
            )
            for api in apis
        ]
