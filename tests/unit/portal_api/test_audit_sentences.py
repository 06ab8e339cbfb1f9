"""Every change that the audit log can hold is said in a sentence, and its values as people write them."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from portal_api.audit.domain.entry import Action, Entry
from portal_api.web.kit.audit_text import KIND_NAMES, ORDERS, Change, about, changes, sentence
from portal_api.web.kit.browser_name import browser_name
from shared.events.billing import BillingCommand
from shared.events.subscriptions import SubscriptionCommand


def entry(
    kind: str, action: Action, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None
) -> Entry:
    return Entry(
        number=1, at=datetime(2026, 11, 1, tzinfo=UTC), organization_id="org_1", actor_id="user_1", actor_name="Pat",
        actor_email="pat@example.com", actor_kind="session", credential_id=None, address="127.0.0.1", user_agent="",
        trace_id=None, operation="an_operation", action=action, target_type=kind, target_id="org_1", target_name=None,
        before=before or {}, after=after or {},
    )  # fmt: skip


def commands() -> list[str]:
    """The types of all commands that go from here to another service."""
    classes = (*get_args(SubscriptionCommand), *get_args(BillingCommand))
    return [str(msgspec.inspect.type_info(one).tag) for one in classes]  # type: ignore[union-attr]


def test_every_order_has_a_sentence_and_no_sentence_lacks_an_order() -> None:
    assert set(ORDERS) == set(commands())


@pytest.mark.parametrize("kind", commands())
def test_what_is_ordered_can_be_chosen_in_the_filter(kind: str) -> None:
    assert kind.split(".", maxsplit=1)[0] in KIND_NAMES


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"type": "organization.payment_grace_set.v1", "grace_days": 5},
         "Set the grace after a failed payment to 5 days"),
        ({"type": "organization.payment_grace_set.v1", "grace_days": 1},
         "Set the grace after a failed payment to 1 day"),
        ({"type": "subscription.cancel_requested.v1", "by": "provider", "when": "now"},
         "Ended a developer's subscription at once"),
        ({"type": "subscription.cancel_requested.v1", "by": "developer", "when": "period_end"},
         "Cancelled a subscription at the period's end"),
        ({"type": "something.new.v1"}, "Asked another service about organization"),
    ],
)  # fmt: skip
def test_orders(said: dict[str, Any], text: str) -> None:
    assert sentence(entry("organization", "ordered", after=said)) == text


@pytest.mark.parametrize(
    ("kind", "before", "after", "text"),
    [
        ("api", {"lifecycle": "created"}, {"lifecycle": "published"}, "Moved an API to published"),
        ("api", {}, {"development.revision": 2, "development.policies": []}, "Deployed revision 2 to Development"),
        ("api", {}, {"production.revision": 3}, "Promoted revision 3 to Production"),
        ("api", {"plan_ids": []}, {"plan_ids": ["plan_1"]}, "Chose the plans of an API"),
        ("api", {"description": ""}, {"description": "Books"}, "Changed an API"),
        ("plan", {"status": "active"}, {"status": "inactive"}, "Deactivated a plan"),
        ("plan", {"terms.unit_amount_decimal": "2"}, {"terms.unit_amount_decimal": "3"}, "Gave a plan new terms"),
        ("member", {"role": "viewer"}, {"role": "publisher"}, "Made a member publisher"),
        ("invitation", {"status": "pending"}, {"status": "accepted"}, "Accepted an invitation"),
        ("invitation", {"expires_at": "a"}, {"expires_at": "b"}, "Sent an invitation again"),
        ("user", {"password_hash": "(hidden)"}, {"password_hash": "(hidden)"}, "Changed the password"),
        ("oauth_client", {"status": "active"}, {"status": "revoked"}, "Revoked OAuth2 keys"),
        ("api_key", {"key_hash": "(hidden)"}, {"key_hash": "(hidden)"}, "Rotated an API key"),
        ("project", {"name": "a"}, {"name": "b"}, "Changed a project"),
    ],
)  # fmt: skip
def test_updates_say_what_was_changed(kind: str, before: dict[str, Any], after: dict[str, Any], text: str) -> None:
    assert sentence(entry(kind, "updated", before, after)) == text


def test_the_organization_itself_is_not_named_by_its_id() -> None:
    assert about(entry("organization", "ordered")) == ""


def test_short_values_at_once_and_long_ones_at_a_closer_look() -> None:
    updated = entry(
        "api", "updated", {"development.upstream_url": "http://a"},
        {
            "development.upstream_url": "http://b", "development.upstream": {"retries": 0, "tls": True},
            "tags": ["x", "y"],
        },
    )  # fmt: skip
    short, long = changes(updated)
    assert short == [Change("Development: upstream URL", "http://a", "http://b")]
    assert long == [Change("Development: upstream", None, "retries 0, tls yes"), Change("Tags", None, "x, y")]
    assert changes(entry("plan", "created", after={"name": "Free"})) == ([], [Change("Name", None, "Free")])


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
         "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
         "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox on macOS"),
        ("python-httpx/0.28.1", "python-httpx/0.28.1"),
        ("", "Unknown"),
    ],
)  # fmt: skip
def test_browsers_by_their_names(agent: str, name: str) -> None:
    assert browser_name(agent) == name
