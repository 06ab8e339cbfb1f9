"""Every topic of the bus, once. Partition counts are those of a small installation."""

from dataclasses import dataclass
from typing import Literal

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. State topics are compacted and keep whole states; log topics keep events for `retention_ms`.

    `inbox`: consumers remember the ids of its events. Not for events that carry totals with a revision: repeats of
    those are harmless, and an id each would cost a row per window and quarter second.
    """

    name: str
    kind: Literal["state", "log"]
    partitions: int
    retention_ms: int = 7 * _DAY_MS
    inbox: bool = True

    def config(self) -> dict[str, str]:
        """Broker-side settings of the topic."""
        if self.kind == "state":
            return {
                "cleanup.policy": "compact",
                "delete.retention.ms": str(7 * _DAY_MS),
                "min.cleanable.dirty.ratio": "0.1",
                "max.compaction.lag.ms": str(_HOUR_MS),
            }
        config = {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        if self.retention_ms < _HOUR_MS:
            config["segment.ms"] = str(self.retention_ms // 2)  # only closed segments are deleted
        return config


CATALOG_APIS = Topic("catalog.apis", "state", 4)
CATALOG_PLANS = Topic("catalog.plans", "state", 4)
IDENTITY_CREDENTIALS = Topic("identity.credentials", "state", 8)
IDENTITY_SIGNING_KEYS = Topic("identity.signing-keys", "state", 1)
IDENTITY_DEVELOPERS = Topic("identity.developers", "state", 4)
SUBSCRIPTIONS_COMMANDS = Topic("subscriptions.commands", "log", 8, 30 * _DAY_MS)
SUBSCRIPTIONS_STATE = Topic("subscriptions.state", "state", 8)
SUBSCRIPTIONS_ACCESS = Topic("subscriptions.access", "state", 8)
GATEWAY_REQUESTS = Topic("gateway.requests", "log", 8, inbox=False)
GATEWAY_REFUSALS = Topic("gateway.refusals", "log", 4)
GATEWAY_RATE_COUNTS = Topic("gateway.rate-counts", "log", 4, 20 * 60_000, inbox=False)
METERING_USAGE = Topic("metering.usage", "log", 8, 30 * _DAY_MS, inbox=False)
METERING_THRESHOLDS = Topic("metering.thresholds", "log", 4, 30 * _DAY_MS)
METERING_CALL_FILES = Topic("metering.call-files", "log", 2, 30 * _DAY_MS)
USAGE_TOTALS = Topic("usage.totals", "state", 4)
BILLING_COMMANDS = Topic("billing.commands", "log", 4, 30 * _DAY_MS)
BILLING_EVENTS = Topic("billing.events", "log", 8, 30 * _DAY_MS)
SANDBOX_CLOCK = Topic("sandbox.clock", "state", 1)

TOPICS: tuple[Topic, ...] = (
    CATALOG_APIS,
    CATALOG_PLANS,
    IDENTITY_CREDENTIALS,
    IDENTITY_SIGNING_KEYS,
    IDENTITY_DEVELOPERS,
    SUBSCRIPTIONS_COMMANDS,
    SUBSCRIPTIONS_STATE,
    SUBSCRIPTIONS_ACCESS,
    GATEWAY_REQUESTS,
    GATEWAY_REFUSALS,
    GATEWAY_RATE_COUNTS,
    METERING_USAGE,
    METERING_THRESHOLDS,
    METERING_CALL_FILES,
    USAGE_TOTALS,
    BILLING_COMMANDS,
    BILLING_EVENTS,
    SANDBOX_CLOCK,
)

# Consumer group (the service) -> what it consumes in a group. Tables without a group (the gateway's) are not here.
CONSUMED: dict[str, tuple[Topic, ...]] = {
    "portal-api": (SUBSCRIPTIONS_STATE, METERING_USAGE, BILLING_EVENTS),
    "subscriptions": (CATALOG_APIS, CATALOG_PLANS, SUBSCRIPTIONS_COMMANDS, BILLING_EVENTS),
    "metering": (SUBSCRIPTIONS_STATE, GATEWAY_REQUESTS),
    "billing-sync": (
        CATALOG_APIS,
        CATALOG_PLANS,
        IDENTITY_DEVELOPERS,
        BILLING_COMMANDS,
        SUBSCRIPTIONS_STATE,
        METERING_USAGE,
    ),
}


def dead_letter_topic(topic: str, group: str) -> Topic:
    """Where records go that `group` could not process."""
    return Topic(f"{topic}.{group}.dead", "log", 1, 30 * _DAY_MS)


def all_topics() -> tuple[Topic, ...]:
    """Every topic with the dead letter topics of its consumers."""
    dead = tuple(dead_letter_topic(topic.name, group) for group, topics in CONSUMED.items() for topic in topics)
    return TOPICS + dead
