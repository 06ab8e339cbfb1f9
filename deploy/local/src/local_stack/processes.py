"""The table of processes: for each its module, its ports, its settings and the address that says "ready"."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local_stack import postgres
from local_stack.ports import LOOPBACK, Ports
from local_stack.state import Secrets, StateFolder

# What our own processes inherit from the person's shell; every other TOLLWAY_ variable is set here or not at all.
INHERITED_SETTINGS = frozenset({"TOLLWAY_LOG_LEVEL"})
# Added to what the table says: an API of one's own on this machine.
ADDED_SETTING = "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES"


@dataclass(frozen=True, slots=True)
class StackContext:
    """What the settings of the processes are made from."""

    ports: Ports
    secrets: Secrets
    state: StateFolder
    kafka_bootstrap: str
    postgres_url: str

    def address(self, port_name: str) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://{LOOPBACK}:{getattr(self.ports, port_name)}"


def _no_arguments(_: StackContext) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class ProcessDefinition:
    """One line of the table. Port names are those of `Ports`."""

    name: str
    module: str
    ready_port: str
    own_settings: Callable[[StackContext], dict[str, str]]
    traffic_port: str | None = None
    operations_port: str | None = None
    other_ports: tuple[str, ...] = ()
    database: str | None = None
    ready_path: str = "/readyz"
    on_the_bus: bool = True
    arguments: Callable[[StackContext], list[str]] = field(default=_no_arguments)

    @property
    def main_port(self) -> str:
        """The port that `make status` shows."""
        return self.traffic_port or self.operations_port or self.ready_port


def _no_settings(_: StackContext) -> dict[str, str]:
    return {}


def _gateway(stack: StackContext) -> dict[str, str]:
    return {
        "TOLLWAY_WAL_DIRECTORY": str(stack.state.data / "gateway"),
        "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": f"{LOOPBACK}:{stack.ports.reading_list}",
        "TOLLWAY_ISSUER": stack.address("portal"),
        "TOLLWAY_PORTAL_URL": stack.address("portal"),
    }


def _derived_key(key: str, purpose: bytes) -> str:
    digest = hashlib.blake2b(key.encode(), digest_size=32, person=purpose).digest()
    return base64.b64encode(digest).decode()


def _portal_api(stack: StackContext) -> dict[str, str]:
    return {
        "TOLLWAY_PUBLIC_URL": stack.address("portal"),
        "TOLLWAY_GATEWAY_URL": stack.address("gateway"),
        "TOLLWAY_BILLING_SEALING_PUBLIC_KEY": stack.secrets.sealing_public_key,
        # A key of its own, derived, so that neither service can open what the other has stored.
        "TOLLWAY_ENCRYPTION_KEY": _derived_key(stack.secrets.encryption_key, b"portal-api"),
        # Contracts are fetched from public addresses only; the operator of this stack trusts its sample upstream.
        "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": f"{LOOPBACK}:{stack.ports.reading_list}",
        "TOLLWAY_SMTP_HOST": LOOPBACK,
        "TOLLWAY_SMTP_PORT": str(stack.ports.mailbox_smtp),
        "TOLLWAY_SMTP_SECURITY": "none",
        "TOLLWAY_MAIL_FROM": "Tollway sandbox <no-reply@tollway.test>",
        # Tests and benchmarks make users by the hundred, all from this machine.
        "TOLLWAY_SIGN_UPS_PER_HOUR": "100000",
        "TOLLWAY_SAMPLE_CONTRACT_URL": f"http://{LOOPBACK}:{stack.ports.reading_list}/openapi.yaml",
    }


def _billing_sync(stack: StackContext) -> dict[str, str]:
    return {
        "TOLLWAY_SEALING_PRIVATE_KEY": stack.secrets.sealing_private_key,
        "TOLLWAY_ENCRYPTION_KEY": stack.secrets.encryption_key,
        "TOLLWAY_STRIPE_API_BASE": stack.address("stripe"),
        "TOLLWAY_PUBLIC_URL": stack.address("billing_sync"),
        "TOLLWAY_PORTAL_URL": stack.address("portal"),
    }


def _stripe_double_arguments(stack: StackContext) -> list[str]:
    return [
        *("--host", LOOPBACK, "--port", str(stack.ports.stripe)),
        *("--public-url", stack.address("stripe")),
        *("--state", str(stack.state.data / "stripe-double")),
    ]


def _mailbox_arguments(stack: StackContext) -> list[str]:
    ports = stack.ports
    return ["--host", LOOPBACK, "--port", str(ports.mailbox), "--smtp-port", str(ports.mailbox_smtp)]


def _reading_list_arguments(stack: StackContext) -> list[str]:
    return ["--host", LOOPBACK, "--port", str(stack.ports.reading_list)]


STAND_INS: tuple[ProcessDefinition, ...] = (
    ProcessDefinition(
        "stripe-double",
        "stripe_double",
        "stripe",
        _no_settings,
        traffic_port="stripe",
        on_the_bus=False,
        arguments=_stripe_double_arguments,
    ),
    ProcessDefinition(
        "reading-list",
        "reading_list",
        "reading_list",
        _no_settings,
        traffic_port="reading_list",
        ready_path="/openapi.yaml",
        on_the_bus=False,
        arguments=_reading_list_arguments,
    ),
    ProcessDefinition(
        "mailbox",
        "sandbox_mailbox",
        "mailbox",
        _no_settings,
        traffic_port="mailbox",
        other_ports=("mailbox_smtp",),
        on_the_bus=False,
        arguments=_mailbox_arguments,
    ),
)

SERVICES: tuple[ProcessDefinition, ...] = (
    ProcessDefinition(
        "portal-api",
        "portal_api.main",
        "portal_operations",
        _portal_api,
        traffic_port="portal",
        operations_port="portal_operations",
        database="portal_api",
    ),
    ProcessDefinition(
        "subscriptions",
        "subscriptions.main",
        "subscriptions_operations",
        _no_settings,
        operations_port="subscriptions_operations",
        database="subscriptions",
    ),
    ProcessDefinition(
        "gateway",
        "gateway.main",
        "gateway_operations",
        _gateway,
        traffic_port="gateway",
        operations_port="gateway_operations",
    ),
    ProcessDefinition(
        "metering",
        "metering.main",
        "metering_operations",
        _no_settings,
        operations_port="metering_operations",
        database="metering",
    ),
    ProcessDefinition(
        "billing-sync",
        "billing_sync.main",
        "billing_sync_operations",
        _billing_sync,
        traffic_port="billing_sync",
        operations_port="billing_sync_operations",
        database="billing_sync",
    ),
)

DATABASES: tuple[str, ...] = tuple(process.database for process in SERVICES if process.database)


def environment_of(
    process: ProcessDefinition,
    stack: StackContext,
    *,
    inherited: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment of a process: the shell's without its TOLLWAY_ settings, the table's, the overrides."""
    shell = os.environ if inherited is None else inherited
    result = {
        name: value for name, value in shell.items() if not name.startswith("TOLLWAY_") or name in INHERITED_SETTINGS
    }
    result |= {"PYTHONUNBUFFERED": "1", "TOLLWAY_SANDBOX": "true"}
    if process.on_the_bus:
        result["TOLLWAY_KAFKA_BOOTSTRAP_SERVERS"] = stack.kafka_bootstrap
        result["TOLLWAY_KAFKA_TOPIC_PREFIX"] = ""
    if process.database:
        result["TOLLWAY_DATABASE_URL"] = postgres.with_database(stack.postgres_url, process.database)
    if process.traffic_port:
        result |= {"TOLLWAY_HOST": LOOPBACK, "TOLLWAY_PORT": str(getattr(stack.ports, process.traffic_port))}
    if process.operations_port:
        result["TOLLWAY_OPERATIONS_HOST"] = LOOPBACK
        result["TOLLWAY_OPERATIONS_PORT"] = str(getattr(stack.ports, process.operations_port))
    result |= process.own_settings(stack)
    if ADDED_SETTING in result and shell.get(ADDED_SETTING):
        result[ADDED_SETTING] += "," + shell[ADDED_SETTING]
    return result | dict(overrides or {})
