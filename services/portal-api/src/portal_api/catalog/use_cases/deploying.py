"""Environments: Deploy puts an API into Development, Promote copies it to Production."""

from dataclasses import replace

from msgspec import structs
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.api import Api, to_state
from portal_api.catalog.domain.policy import check_policies
from portal_api.catalog.ports import AddressGuard, CatalogRepository, DeploymentRecord, DeploymentRow, Publisher
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor
from shared.clock import Clock
from shared.errors import DomainError
from shared.events.catalog import Deployment, Environment, Operation, Policy, UpstreamSettings
from shared.events.topics import CATALOG_APIS
from shared.ids import new_id

ENVIRONMENTS: tuple[Environment, ...] = ("development", "production")


class Deployments:
    """What the gateway serves in each environment."""

    def __init__(
        self,
        repository: CatalogRepository,
        reader: CatalogReader,
        addresses: AddressGuard,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._reader = reader
        self._addresses = addresses
        self._publisher = publisher
        self._clock = clock

    async def is_on_its_way(self, session: AsyncSession, actor: Actor, api_id: str) -> bool:
        """Whether the API's newest state still waits to be handed to the gateways."""
        await self._reader.require_api(session, actor, api_id)
        return await self._repository.is_unpublished(session, api_id)

    async def set_development_endpoint(
        self, session: AsyncSession, actor: Actor, api_id: str, endpoint_url: str | None
    ) -> Api:
        """Override the contract's endpoint in Development; None takes the override back. Deploy to make it real."""
        if endpoint_url is not None:
            await self._addresses.check(endpoint_url, "endpoint_url")
        api = await self._reader.require_api(session, actor, api_id, lock=True)
        api = replace(api, development_endpoint_url=endpoint_url.rstrip("/") if endpoint_url else None)
        await self._repository.save_api(session, api)
        return api

    async def deploy(
        self,
        session: AsyncSession,
        actor: Actor,
        api_id: str,
        endpoint_url: str | None,
        upstream: UpstreamSettings | None = None,
    ) -> tuple[Api, Deployment]:
        """Deploy to Development. Without `upstream` its settings stay as they are."""
        api = await self._changeable(session, actor, api_id)
        if endpoint_url is not None:
            api = replace(api, development_endpoint_url=endpoint_url.rstrip("/"))
        url = api.development_endpoint_url or api.contract_endpoint_url
        if url is None:
            detail = "The contract names no server with a full URL. Send `endpoint_url`."
            raise DomainError("endpoint-missing", 422, "Where should calls go?", detail, "endpoint_url")
        return await self._put(session, actor, api, "development", url, upstream)

    async def promote(
        self,
        session: AsyncSession,
        actor: Actor,
        api_id: str,
        *,
        use_development_endpoint_configuration: bool,
        endpoint_url: str | None,
        upstream: UpstreamSettings | None = None,
    ) -> tuple[Api, Deployment]:
        """Promote what Development has to Production."""
        api = await self._changeable(session, actor, api_id)
        if api.development is None:
            detail = "Deploy it to Development first (Deploy), then promote it."
            raise DomainError("not-deployed", 409, "The API is not deployed", detail)
        if use_development_endpoint_configuration:
            if endpoint_url is not None:
                detail = "Send `endpoint_url`, or `use_development_endpoint_configuration`: true, not both."
                raise DomainError("endpoint-ambiguous", 422, "Which endpoint?", detail, "endpoint_url")
            url = api.development.upstream_url
        elif endpoint_url is None:
            detail = "Send `endpoint_url` for Production, or `use_development_endpoint_configuration`: true."
            raise DomainError("endpoint-missing", 422, "Where should calls go?", detail, "endpoint_url")
        else:
            url = endpoint_url
        return await self._put(session, actor, api, "production", url, upstream)

    async def history(self, session: AsyncSession, actor: Actor, api_id: str, *, limit: int) -> list[DeploymentRecord]:
        """Who deployed what where, newest first."""
        api = await self._reader.require_api(session, actor, api_id, role="viewer")
        rows = await self._repository.deployments(session, api_id, limit=limit)
        now = {name: deployed.revision for name in ENVIRONMENTS if (deployed := api.deployed(name)) is not None}
        return [replace(row, current=now.get(row.environment) == row.revision) for row in rows]

    async def roll_back(
        self, session: AsyncSession, actor: Actor, api_id: str, *, environment: Environment, revision: int
    ) -> tuple[Api, Deployment]:
        """An earlier revision's endpoint and routes again, as a revision of its own."""
        api = await self._changeable(session, actor, api_id)
        present = api.deployed(environment)
        if present is not None and present.revision == revision:
            detail = f"Revision {revision} is what {environment} serves now."
            raise DomainError("revision-current", 409, "Nothing to roll back", detail, "revision")
        row = await self._repository.deployment(session, api_id, environment, revision)
        if row is None or row.operations is None:
            detail = (
                f"{environment.capitalize()} has no revision {revision} whose routes are kept. List its deployments."
            )
            raise DomainError("revision-not-found", 404, "No such revision", detail, "revision")
        return await self._put(
            session, actor, api, environment, row.endpoint_url, None, operations=row.operations, rolled_back_to=revision
        )

    async def _changeable(self, session: AsyncSession, actor: Actor, api_id: str) -> Api:
        api = await self._reader.require_api(session, actor, api_id, lock=True)
        if api.lifecycle == "retired":
            raise DomainError("api-retired", 409, "The API is retired", "Import a new version instead.")
        return api

    async def _put(
        self,
        session: AsyncSession,
        actor: Actor,
        api: Api,
        environment: Environment,
        url: str,
        upstream: UpstreamSettings | None,
        *,
        operations: tuple[Operation, ...] | None = None,
        rolled_back_to: int | None = None,
    ) -> tuple[Api, Deployment]:
        await self._addresses.check(url, "endpoint_url")
        for number, target in enumerate(upstream.targets if upstream else ()):
            await self._addresses.check(target.url, f"upstream.targets.{number}.url")
        before = api.deployed(environment)
        # An environment keeps what is its own; Production begins with what was tried in Development.
        kept = before or api.development
        if operations is None:
            operations = (
                api.development.operations
                if environment == "production" and api.development is not None
                else await self._operations(session, api)
            )
        deployment = Deployment(
            revision=before.revision + 1 if before else 1,
            upstream_url=url.rstrip("/"),
            operations=operations,
            deployed_at=self._clock.now(),
            upstream=upstream or (kept.upstream if kept else UpstreamSettings()),
            policies=_still_there(kept.policies, operations) if kept else (),
        )
        version = api.state_version + 1
        if environment == "production":
            api = replace(api, state_version=version, production=deployment)
        else:
            api = replace(api, state_version=version, development=deployment)
        row = DeploymentRow(
            id=new_id("dep"),
            api_id=api.id,
            environment=environment,
            revision=deployment.revision,
            endpoint_url=deployment.upstream_url,
            deployed_at=deployment.deployed_at,
            deployed_by=actor.user_id,
            operations=operations,
            rolled_back_to=rolled_back_to,
        )
        await self._repository.add_deployment(session, row)
        await self._repository.save_api(session, api)
        await self._publisher.publish(session, CATALOG_APIS, api.id, to_state(api))
        return api, deployment

    async def set_policies(
        self, session: AsyncSession, actor: Actor, api_id: str, environment: Environment, policies: tuple[Policy, ...]
    ) -> Api:
        """Replace the policies of an environment; they hold at once."""
        api = await self._changeable(session, actor, api_id)
        before = api.deployed(environment)
        if before is None:
            raise DomainError("not-deployed", 409, "The API is not deployed", f"Deploy it to {environment} first.")
        check_policies(policies, before.operations)
        version = api.state_version + 1
        if environment == "production":
            api = replace(api, state_version=version, production=structs.replace(before, policies=policies))
        else:
            api = replace(api, state_version=version, development=structs.replace(before, policies=policies))
        await self._repository.save_api(session, api)
        await self._publisher.publish(session, CATALOG_APIS, api.id, to_state(api))
        return api

    async def _operations(self, session: AsyncSession, api: Api) -> tuple[Operation, ...]:
        return tuple(
            Operation(
                number=operation.number,
                method=operation.method,
                path_template=operation.path_template,
                operation_id=operation.operation_id,
            )
            for operation in await self._repository.operations(session, api.id)
        )


def _still_there(policies: tuple[Policy, ...], operations: tuple[Operation, ...]) -> tuple[Policy, ...]:
    """A new contract may lack operations that a policy names; one without any left goes with them."""
    numbers = {operation.number for operation in operations}
    kept = []
    for policy in policies:
        left = tuple(number for number in policy.operations if number in numbers)
        if left or not policy.operations:
            kept.append(structs.replace(policy, operations=left))
    return tuple(kept)
