"""An API's lifecycle and what publishing needs, written a second time from the contract."""

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from portal_api.catalog.domain.release import (
    IN_PORTAL,
    TAKES_SUBSCRIPTIONS,
    TRANSITIONS,
    Action,
    Check,
    ReleaseFacts,
    Transition,
    checks_for,
    failing,
    transitions,
)
from shared.events.catalog import Lifecycle

READY = ReleaseFacts(
    deployed_to_production=True, enabled_plans=1, paid_plans=1, stripe_connected=True, live_subscriptions=0
)
CONTRACT = {
    "created": {"pre_release": "pre_released", "publish": "published"},
    "pre_released": {"publish": "published"},
    "published": {"block": "blocked", "unpublish": "created", "deprecate": "deprecated"},
    "blocked": {"unblock": "published"},
    "deprecated": {"restore": "published", "retire": "retired"},
    "retired": {},
}
NAMES = ["deployed_to_production", "plan_enabled", "stripe_connected"]


def test_every_row_and_no_other() -> None:
    for state, action in product(get_args(Lifecycle), get_args(Action)):
        assert TRANSITIONS.get((state, action)) == CONTRACT[state].get(action), (state, action)
    assert set(CONTRACT) == set(get_args(Lifecycle))


@pytest.mark.parametrize("state", get_args(Lifecycle))
def test_the_steps_from_a_state(state: Any) -> None:
    found = transitions(state, READY)
    assert {step.action: step.to for step in found} == CONTRACT[state]
    assert all(step.allowed for step in found)
    assert all(step.checks == checks_for(step.action, READY) for step in found)


def test_who_sees_it_and_who_may_subscribe() -> None:
    assert {"published", "deprecated", "blocked"} == IN_PORTAL
    assert {"published"} == TAKES_SUBSCRIPTIONS


@pytest.mark.parametrize("action", ["publish", "restore"])
@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, []),
        ({"deployed_to_production": False}, ["deployed_to_production"]),
        ({"enabled_plans": 0, "paid_plans": 0}, ["plan_enabled"]),
        ({"enabled_plans": 2, "paid_plans": 0, "stripe_connected": False}, []),
        ({"enabled_plans": 2, "paid_plans": 1, "stripe_connected": False}, ["stripe_connected"]),
        ({"enabled_plans": 2, "paid_plans": 2, "stripe_connected": False}, ["stripe_connected"]),
        ({"live_subscriptions": 5}, []),
        ({"deployed_to_production": False, "enabled_plans": 0, "stripe_connected": False, "paid_plans": 1}, NAMES),
    ],
)
def test_what_publishing_needs(action: Any, changes: dict[str, Any], missing: list[str]) -> None:
    checks = checks_for(action, replace(READY, **changes))
    assert [check.name for check in checks] == NAMES
    assert [check.name for check in failing(checks)] == missing
    assert all(bool(check.detail) != check.ok for check in checks), "a cure exactly where one is needed"


@pytest.mark.parametrize(("live", "ok"), [(0, True), (1, False), (7, False)])
def test_unpublishing_needs_that_nobody_subscribes(live: int, ok: bool) -> None:
    (check,) = checks_for("unpublish", replace(READY, live_subscriptions=live))
    assert (check.name, check.ok) == ("nobody_subscribes", ok)
    assert ok or check.detail.startswith(f"{live} subscriptions are live.")


@pytest.mark.parametrize("action", ["pre_release", "block", "unblock", "deprecate", "retire"])
def test_other_steps_need_nothing(action: Any) -> None:
    assert checks_for(action, replace(READY, deployed_to_production=False, live_subscriptions=3)) == ()


def test_one_check_that_fails_forbids_the_step() -> None:
    good, bad = Check("a", True, ""), Check("b", False, "Do b.")
    assert Transition("block", "blocked", ()).allowed
    assert Transition("block", "blocked", (good,)).allowed
    assert not Transition("block", "blocked", (good, bad)).allowed
    assert failing([good, bad, good]) == [bad]


def test_words_from_a_database_are_as_good_as_literals() -> None:
    state, action = "".join(("pub", "lished")), "".join(("un", "publish"))
    assert {step.action for step in transitions(state, READY)} == set(CONTRACT["published"])  # type: ignore[arg-type]
    assert len(checks_for(action, READY)) == 1  # type: ignore[arg-type]
