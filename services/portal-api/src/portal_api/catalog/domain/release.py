"""The lifecycle of an API as a table, and what must hold before it may be published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.events.catalog import Lifecycle

Action = Literal["publish", "pre_release", "block", "unblock", "deprecate", "restore", "retire", "unpublish"]

# (from, action) -> to. Anything else is refused.
TRANSITIONS: Mapping[tuple[Lifecycle, Action], Lifecycle] = {
    ("created", "pre_release"): "pre_released",
    ("created", "publish"): "published",
    ("pre_released", "publish"): "published",
    ("published", "block"): "blocked",
    ("blocked", "unblock"): "published",
    ("published", "unpublish"): "created",
    ("published", "deprecate"): "deprecated",
    ("deprecated", "restore"): "published",
    ("deprecated", "retire"): "retired",
}

# Whose calls and subscriptions the gateway and the portal know of.
IN_PORTAL: frozenset[Lifecycle] = frozenset(("published", "deprecated", "blocked"))
TAKES_SUBSCRIPTIONS: frozenset[Lifecycle] = frozenset(("published",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """What the rules look at."""

    deployed_to_production: bool
    enabled_plans: int
    paid_plans: int
    stripe_connected: bool
    live_subscriptions: int


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold. `detail` says what to do where it does not."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Transition:
    """One possible step from the present state."""

    action: Action
    to: Lifecycle
    checks: tuple[Check, ...]

    @property
    def allowed(self) -> bool:
        """Whether all checks hold."""
        return all(check.ok for check in self.checks)


def transitions(state: Lifecycle, facts: ReleaseFacts) -> list[Transition]:
    """The steps that the table has for `state`, each with its checks."""
    return [
        Transition(action, to, checks_for(action, facts))
        for (start, action), to in TRANSITIONS.items()
        if start == state
    ]


def checks_for(action: Action, facts: ReleaseFacts) -> tuple[Check, ...]:
    """What must hold before `action`."""
    if action in ("publish", "restore"):
        stripe_ok = facts.paid_plans == 0 or facts.stripe_connected
        return (
            _check(
                "deployed_to_production", facts.deployed_to_production, "Deploy the API, then promote it to Production."
            ),
            _check("plan_enabled", facts.enabled_plans > 0, "Enable at least one plan for the API (Monetize)."),
            _check("stripe_connected", stripe_ok, "A plan costs money: connect a Stripe account to the organization."),
        )
    if action == "unpublish":
        detail = f"{facts.live_subscriptions} subscriptions are live. Deprecate and retire the API instead."
        return (_check("nobody_subscribes", facts.live_subscriptions == 0, detail),)
    return ()


def failing(checks: Sequence[Check]) -> list[Check]:
    """Those that do not hold."""
    return [check for check in checks if not check.ok]


def _check(name: str, ok: bool, cure: str) -> Check:
    return Check(name, ok, "" if ok else cure)
