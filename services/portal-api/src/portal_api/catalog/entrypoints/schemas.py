"""What the routes of APIs read and answer."""

from datetime import datetime
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from portal_api.catalog.domain.api import Api, ContractOperation
from portal_api.catalog.domain.release import Action, Transition
from portal_api.catalog.entrypoints.upstream_schemas import UpstreamBody
from shared.events.catalog import Deployment, Environment, Lifecycle

Upstream = Field(default=None, description="Left out: as it was; in Production at first as in Development.")
EndpointUrl = Field(default=None, max_length=2000, examples=["https://reading-list.example.com/v1"])


class OpenApiSource(BaseModel):
    """Where the contract is: exactly one of the two."""

    url: str | None = Field(default=None, max_length=2000, description="Fetched once, at import.")
    document: str | None = Field(default=None, description="The text itself, YAML or JSON, at most 5 MB.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.url is None) == (self.document is None):
            raise ValueError("send either `url` or `document`")
        return self


class ApiCreate(BaseModel):
    """An import. Sent as multipart/form-data instead, the same fields and the contract as `file`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "display_name": "Reading List API",
                    "openapi": {"url": "https://reading-list.example.com/openapi.yaml"},
                }
            ]
        }
    )

    display_name: str | None = Field(default=None, min_length=1, max_length=200, description="The contract's title.")
    identifier: str | None = Field(default=None, description="Part of the API's address; made of the name.")
    version: str | None = Field(default=None, description="Part of the API's address; the contract's version.")
    openapi: OpenApiSource


class ApiView(BaseModel):
    """An API version."""

    id: str = Field(examples=["api_01KB3W2VZ5R8M4Q0X7C9T6N1DE"])
    number: int = Field(description="Stands for the API in call records.")
    organization_id: str
    project_id: str
    display_name: str
    identifier: str = Field(examples=["reading-list-api"])
    version: str = Field(examples=["1.0.0"])
    description: str
    lifecycle: Lifecycle
    openapi_version: str = Field(examples=["3.0.3"])
    contract_url: str | None
    endpoint_url: str | None = Field(description="The contract's first server, as a full URL.")
    plan_ids: list[str]
    gateway_url: str = Field(description="Where Production is called, once it is deployed there.")
    state_version: int
    created_at: datetime
    sunset_at: datetime | None

    @classmethod
    def of(cls, api: Api, gateway_url: str) -> "ApiView":
        """Of an API."""
        return cls(
            id=api.id,
            number=api.number,
            organization_id=api.organization_id,
            project_id=api.project_id,
            display_name=api.display_name,
            identifier=api.identifier,
            version=api.version_label,
            description=api.description,
            lifecycle=api.lifecycle,
            openapi_version=api.openapi_version,
            contract_url=api.contract_url,
            endpoint_url=api.contract_endpoint_url,
            plan_ids=list(api.plan_ids),
            gateway_url=gateway_url,
            state_version=api.state_version,
            created_at=api.created_at,
            sunset_at=api.sunset_at,
        )


class OperationView(BaseModel):
    """An operation of the contract."""

    number: int
    method: str = Field(examples=["GET"])
    path: str = Field(examples=["/books/{id}"])
    operation_id: str = Field(examples=["getBook"])
    summary: str

    @classmethod
    def of(cls, one: ContractOperation) -> "OperationView":
        """Of an operation."""
        return cls(
            number=one.number,
            method=one.method,
            path=one.path_template,
            operation_id=one.operation_id,
            summary=one.summary,
        )


class Operations(BaseModel):
    """All operations: at most 1,000, so this list has no pages."""

    data: list[OperationView]


class DevelopmentChange(BaseModel):
    """Endpoint of Development; null goes back to the contract's."""

    endpoint_url: str | None = EndpointUrl


class DeploymentCreate(BaseModel):
    """Deploy to Development."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"environment": "development"}]})

    environment: Literal["development"] = Field(
        default="development", description="Production is reached by promoting what Development has."
    )
    endpoint_url: str | None = EndpointUrl
    upstream: UpstreamBody | None = Upstream


class PromotionCreate(BaseModel):
    """Promote to Production."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"use_development_endpoint_configuration": True}]})

    use_development_endpoint_configuration: bool = False
    endpoint_url: str | None = EndpointUrl
    upstream: UpstreamBody | None = Upstream


class DeploymentView(BaseModel):
    """What the gateway serves."""

    environment: Environment
    status: Literal["active"] = "active"
    revision: int
    endpoint_url: str
    gateway_url: str = Field(examples=["http://127.0.0.1:8080/sampleorganization/reading-list-api/1.0.0"])
    deployed_at: datetime
    upstream: UpstreamBody

    @classmethod
    def of(cls, environment: Environment, deployment: Deployment, gateway_url: str) -> "DeploymentView":
        """Of a deployment."""
        return cls(
            environment=environment,
            revision=deployment.revision,
            endpoint_url=deployment.upstream_url,
            gateway_url=gateway_url,
            deployed_at=deployment.deployed_at,
            upstream=UpstreamBody.of(deployment.upstream),
        )


class EnvironmentView(BaseModel):
    """An environment of an API."""

    environment: Environment
    endpoint_url: str | None = Field(description="Where the next deployment would send calls.")
    deployment: DeploymentView | None


class Environments(BaseModel):
    """Development and Production."""

    data: list[EnvironmentView]


class LifecycleChange(BaseModel):
    """One step."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "publish"}]})

    action: Action
    sunset_at: AwareDatetime | None = Field(default=None, description="With `deprecate`: when it will end.")


class CheckView(BaseModel):
    """Something that must hold."""

    name: str = Field(examples=["plan_enabled"])
    ok: bool
    detail: str = Field(description="What to do, where it does not hold.")


class TransitionView(BaseModel):
    """A possible step."""

    action: Action
    to: Lifecycle
    allowed: bool
    checks: list[CheckView]


class LifecycleView(BaseModel):
    """Where the API is, and where it can go."""

    api_id: str
    state: Lifecycle
    sunset_at: datetime | None
    transitions: list[TransitionView]

    @classmethod
    def of(cls, api: Api, steps: list[Transition]) -> "LifecycleView":
        """Of an API."""
        views = [
            TransitionView(
                action=step.action,
                to=step.to,
                allowed=step.allowed,
                checks=[CheckView(name=check.name, ok=check.ok, detail=check.detail) for check in step.checks],
            )
            for step in steps
        ]
        return cls(api_id=api.id, state=api.lifecycle, sunset_at=api.sunset_at, transitions=views)
