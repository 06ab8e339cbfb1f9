"""Making an API of an OpenAPI document."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.api import Api, ContractOperation, to_state, version_label_fault
from portal_api.catalog.domain.contract import MAX_DOCUMENT_BYTES, Contract
from portal_api.catalog.domain.contract_diff import ContractDifference, compare_contracts, renumbered
from portal_api.catalog.ports import CatalogRepository, ContractFetcher, ContractReader, Publisher
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor
from portal_api.organizations.domain.organization import identifier_fault, slug
from portal_api.organizations.use_cases import Organizations
from shared.clock import Clock
from shared.errors import DomainError
from shared.events.topics import CATALOG_APIS
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class ContractSource:
    """Where a contract comes from: `url` is fetched, `document` is the text itself."""

    kind: Literal["url", "document"]
    value: str


@dataclass(frozen=True, slots=True)
class LoadedContract:
    """A valid contract with its text."""

    contract: Contract
    text: str
    url: str | None


class ImportApi:
    """Loads a contract outside any transaction (fetching and validating take time), then makes the API in one."""

    def __init__(
        self,
        repository: CatalogRepository,
        organizations: Organizations,
        catalog: CatalogReader,
        fetcher: ContractFetcher,
        reader: ContractReader,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._organizations = organizations
        self._catalog = catalog
        self._fetcher = fetcher
        self._reader = reader
        self._publisher = publisher
        self._clock = clock

    async def check_access(self, session: AsyncSession, actor: Actor, organization: str, project: str) -> None:
        """Before anything is fetched for somebody who may not import here."""
        await self._organizations.require_project(session, actor, organization, project, "publisher")

    async def load(self, source: ContractSource) -> LoadedContract:
        """Fetch, if it is a URL, and validate."""
        text, url = source.value, None
        if source.kind == "url":
            fetched = await self._fetcher.fetch(source.value)
            text, url = fetched.text, fetched.url
        return await self.read(text, url)

    async def read(self, text: str, url: str | None) -> LoadedContract:
        """Validate a text; `url` is where it came from, which relative servers are relative to."""
        if len(text.encode()) > MAX_DOCUMENT_BYTES:
            detail = f"A contract has at most {MAX_DOCUMENT_BYTES // 1024 // 1024} MB."
            raise DomainError("contract-too-large", 413, "The contract is too large", detail, "openapi")
        return LoadedContract(await self._reader.read(text, url), text, url)

    async def compare(
        self, session: AsyncSession, actor: Actor, api_id: str, loaded: LoadedContract
    ) -> ContractDifference:
        """What `replace` would change."""
        api = await self._catalog.require_api(session, actor, api_id)
        return await self._difference(session, api, loaded)

    async def replace(
        self, session: AsyncSession, actor: Actor, api_id: str, loaded: LoadedContract
    ) -> tuple[Api, ContractDifference]:
        """The contract imported again. What is deployed stays until the next deployment; so do all addresses."""
        api = await self._catalog.require_api(session, actor, api_id, lock=True)
        if api.lifecycle == "retired":
            raise DomainError("api-retired", 409, "The API is retired", "Import a new version instead.")
        difference = await self._difference(session, api, loaded)
        before = await self._repository.operations(session, api.id)
        fresh = await self._repository.next_numbers(session, len(difference.added)) if difference.added else []
        contract = loaded.contract
        api = dataclasses.replace(
            api,
            description=contract.description[:10_000],
            openapi_version=contract.openapi_version,
            contract_url=loaded.url,
            contract_endpoint_url=contract.endpoint_url,
            tags=contract.tags,
        )
        operations = renumbered(before, contract.operations, fresh)
        await self._repository.replace_contract(session, api, loaded.text, operations)
        return api, difference

    async def _difference(self, session: AsyncSession, api: Api, loaded: LoadedContract) -> ContractDifference:
        before = await self._repository.operations(session, api.id)
        endpoints = (api.contract_endpoint_url, loaded.contract.endpoint_url)
        return compare_contracts(before, loaded.contract.operations, endpoints)

    async def create(
        self,
        session: AsyncSession,
        actor: Actor,
        organization: str,
        project: str,
        loaded: LoadedContract,
        *,
        display_name: str | None,
        identifier: str | None,
        version: str | None,
    ) -> Api:
        """The API with its operations, numbered, in the state `created`."""
        owner, drawer = await self._organizations.require_project(session, actor, organization, project, "publisher")
        contract = loaded.contract
        name = (display_name or contract.title).strip()
        numbers = await self._repository.next_numbers(session, 1 + len(contract.operations))
        api = Api(
            id=new_id("api"),
            number=numbers[0],
            organization_id=owner.id,
            organization_identifier=owner.identifier,
            project_id=drawer.id,
            identifier=_identifier(identifier, name),
            version_label=_version(version, contract.version),
            display_name=name[:200],
            description=contract.description[:10_000],
            lifecycle="created",
            state_version=1,
            openapi_version=contract.openapi_version,
            contract_url=loaded.url,
            contract_endpoint_url=contract.endpoint_url,
            development_endpoint_url=None,
            production=None,
            development=None,
            plan_ids=(),
            created_at=self._clock.now(),
            tags=contract.tags,
        )
        operations = [
            ContractOperation(
                number=number,
                method=found.method,
                path_template=found.path_template,
                operation_id=found.operation_id,
                summary=found.summary,
            )
            for number, found in zip(numbers[1:], contract.operations, strict=True)
        ]
        if not await self._repository.add_api(session, api, loaded.text, operations):
            detail = f"`{api.identifier}` {api.version_label} exists. Send another `identifier` or `version`."
            raise DomainError("api-exists", 409, "The organization has this API version", detail, "identifier")
        await self._publisher.publish(session, CATALOG_APIS, api.id, to_state(api))
        return api


def _identifier(given: str | None, name: str) -> str:
    chosen = given if given is not None else slug(name)
    fault = identifier_fault(chosen)
    if fault is not None:
        if given is None:
            fault = f"The identifier `{chosen}`, made of the name, cannot be used: {fault} Send `identifier`."
        raise DomainError("identifier-invalid", 422, "The identifier cannot be used", fault, "identifier")
    return chosen


def _version(given: str | None, of_contract: str) -> str:
    chosen = given if given is not None else of_contract.strip()
    fault = version_label_fault(chosen)
    if fault is not None:
        if given is None:
            fault = f"The contract's version `{chosen[:60]}` cannot be part of an address: {fault} Send `version`."
        raise DomainError("version-invalid", 422, "The version cannot be used", fault, "version")
    return chosen
