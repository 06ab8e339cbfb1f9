"""/v1 of policies: what there is, and what is attached in an environment."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portal_api.catalog.use_cases.deploying import Deployments
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.identity.domain.access import Actor
from shared.errors import DomainError
from shared.events.catalog import Environment, Policy
from shared.policies import KINDS, policy_schema


class PolicyKindView(BaseModel):
    """A policy that may be attached, and the JSON Schema of its settings."""

    kind: str = Field(examples=["ip-filter"])
    order: int = Field(description="Policies are applied in this order.")
    description: str
    config_schema: dict[str, Any]
    example: dict[str, Any] = Field(description="Settings that are valid.")


class PolicyKinds(BaseModel):
    """All, in the order in which they are applied."""

    data: list[PolicyKindView]


class PolicyBody(BaseModel):
    """A policy on the whole API, or on some of its operations (by number)."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(examples=["ip-filter"], max_length=50)
    config: dict[str, Any] = Field(examples=[{"allow": ["192.0.2.0/24"]}])
    operations: list[int] = Field(default_factory=list, max_length=1000)


class Policies(BaseModel):
    """All policies of an environment."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"policies": [{"kind": "ip-filter", "config": {"allow": ["192.0.2.0/24"]}}]}]},
    )

    policies: list[PolicyBody] = Field(max_length=100)

    @classmethod
    def of(cls, policies: tuple[Policy, ...]) -> "Policies":
        """Of a deployment."""
        return cls(
            policies=[PolicyBody(kind=one.kind, config=one.config, operations=list(one.operations)) for one in policies]
        )


def add_policy_routes(
    router: APIRouter, http: HttpDependencies, reader: CatalogReader, deployments: Deployments
) -> None:
    """Attach, read, and what may be attached."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/policy-kinds", operation_id="list_policy_kinds", tags=["Policies"], summary="What may be attached",
        responses=problems(401),
    )  # fmt: skip
    async def list_policy_kinds(actor: current) -> PolicyKinds:
        return PolicyKinds(
            data=[
                PolicyKindView(
                    kind=name,
                    order=kind.order,
                    description=kind.__doc__ or "",
                    config_schema=policy_schema(name),
                    example=kind.example,
                )
                for name, kind in KINDS.items()
            ]
        )

    @router.get(
        "/apis/{api}/environments/{environment}/policies", operation_id="list_policies", tags=["Policies"],
        summary="What is attached", responses=problems(401, 403, 404, 409, 422),
    )  # fmt: skip
    async def list_policies(api: str, environment: Environment, actor: current) -> Policies:
        async with http.uow.transaction() as session:
            found = await reader.require_api(session, actor, api)
        deployment = found.deployed(environment)
        if deployment is None:
            raise DomainError("not-deployed", 409, "The API is not deployed", f"Deploy it to {environment} first.")
        return Policies.of(deployment.policies)

    @router.put(
        "/apis/{api}/environments/{environment}/policies", operation_id="set_policies", tags=["Policies"],
        summary="Replace what is attached", description="Holds at once, without a deployment.",
        responses=problems(401, 403, 404, 409, 422),
    )  # fmt: skip
    async def set_policies(api: str, environment: Environment, body: Policies, actor: current) -> Policies:
        policies = tuple(
            Policy(kind=one.kind, config=one.config, operations=tuple(one.operations)) for one in body.policies
        )
        async with http.uow.transaction() as session:
            await deployments.set_policies(session, actor, api, environment, policies)
        return body
