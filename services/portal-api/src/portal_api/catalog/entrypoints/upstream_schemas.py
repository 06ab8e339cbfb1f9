"""How calls reach the upstream, as deployments take and show it."""

import ssl
from typing import Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.events.catalog import UpstreamSettings


class TargetBody(BaseModel):
    """One of several addresses of the upstream."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, examples=["https://eu.reading-list.example.com/v1"])
    weight: int = Field(default=1, ge=1, le=1000, description="Its share of the calls.")


class UpstreamBody(BaseModel):
    """Targets, timeouts, health, retries and TLS. 0 means: no such limit."""

    model_config = ConfigDict(extra="forbid")

    targets: list[TargetBody] = Field(
        default_factory=list, max_length=50, description="Empty: all calls go to the endpoint alone."
    )
    connect_timeout_ms: int = Field(default=5_000, ge=10, le=60_000)
    first_byte_timeout_ms: int = Field(default=0, ge=0, le=600_000)
    total_timeout_ms: int = Field(default=0, ge=0, le=3_600_000)
    max_connections: int = Field(
        default=0, ge=0, le=100_000, description="Calls under way at once for a gateway worker; more get 503."
    )
    eject_after_failures: int = Field(
        default=0, ge=0, le=1000, description="Failures in a row after which a target gets no calls; 0: never."
    )
    eject_seconds: int = Field(default=10, ge=1, le=3600)
    retries: int = Field(
        default=0, ge=0, le=5, description="Other targets that a call is sent to which certainly had no effect."
    )
    retry_budget_percent: int = Field(default=20, ge=0, le=100, description="Of all calls, beside ten at once.")
    health_path: str = Field(
        default="", max_length=500, pattern=r"^(/[!-~]*)?$", description="Asked by GET; below 400 is well."
    )
    health_interval_seconds: int = Field(default=10, ge=1, le=3600)
    tls_ca_pem: str = Field(default="", max_length=100_000, description="Authorities to trust; empty: the system's.")
    tls_server_name: str = Field(default="", max_length=253, description="For SNI and verification; empty: the host.")

    @field_validator("tls_ca_pem")
    @classmethod
    def _is_a_certificate(cls, value: str) -> str:
        if value:
            try:
                ssl.create_default_context(cadata=value)
            except (ssl.SSLError, TypeError, ValueError) as error:
                raise ValueError("no certificates in PEM form") from error
        return value

    def settings(self) -> UpstreamSettings:
        """As the bus carries it."""
        return msgspec.convert(self.model_dump(), UpstreamSettings)

    @classmethod
    def of(cls, settings: UpstreamSettings) -> Self:
        """Of a deployment."""
        return cls.model_validate(msgspec.to_builtins(settings))
