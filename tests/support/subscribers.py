"""Developers with subscriptions, as portal-api sees them: the other services' words are the test's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.eventually import eventually
from tests.support.portal_service import Offer, Person, PortalService

from shared.events.envelope import decode
from shared.events.subscriptions import SubscriptionRequested, SubscriptionState
from shared.events.topics import SUBSCRIPTIONS_COMMANDS, SUBSCRIPTIONS_STATE
from shared.events.usage import UsageWindow

PAYG = {
    "name": "Pay-as-you-go", "description": "Pay $0.02 per API request, billed monthly", "pricing_model": "unit",
    "rate_limit": {"count": 1000, "unit": "minute"}, "currency": "usd", "billing_period": "month",
    "unit_amount_decimal": "2",
}  # fmt: skip
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
END = START + timedelta(days=30)


async def application_of(developer: Person, offer: Offer) -> str:
    path = f"/v1/portal/{offer.organization}/applications"
    return str((await developer.post(path, {"name": "Reading List App"}, status=201))["id"])


def wanted(offer: Offer) -> dict[str, str]:
    return {"api_id": offer.api_id, "plan_id": offer.plan_id}


def state(command: SubscriptionRequested, version: int, status: str, **changes: Any) -> SubscriptionState:
    values: dict[str, Any] = {
        "subscription_id": command.subscription_id, "number": 77, "organization_id": command.organization_id,
        "application_id": command.application_id, "application_number": command.application_number,
        "developer_id": command.developer_id, "api_id": command.api_id, "api_number": 3, "plan_id": command.plan_id,
        "plan_version_number": command.plan_version_number, "paid": True, "interval": "month",
        "created_at": command.requested_at, "current_period_start": START, "current_period_end": END, **changes,
    }  # fmt: skip
    return SubscriptionState(version=version, status=status, **values)  # type: ignore[arg-type]


def window(command: SubscriptionRequested, minute: int, revision: int, calls: int, **changes: Any) -> UsageWindow:
    values: dict[str, Any] = {
        "subscription_number": 77, "plan_version_number": command.plan_version_number, "period_start": START,
        "api_number": 3, "operation_number": 4, "window_start": START + timedelta(minutes=minute),
        "environment": "production", "billable": True, "status_class": 2, **changes,
    }  # fmt: skip
    return UsageWindow(subscription_id=command.subscription_id, calls=calls, units=calls, revision=revision, **values)


async def subscribed(
    service: PortalService, *, status: str = "active", plan: dict[str, Any] = PAYG
) -> tuple[Person, Offer, SubscriptionRequested]:
    """A developer with a subscription that the subscriptions service has answered."""
    provider, developer = await service.user("provider"), await service.user("developer")
    offer = await service.published_api(provider, plan=plan)
    application = await application_of(developer, offer)
    path = f"/v1/applications/{application}/subscriptions"
    created = await developer.post(path, wanted(offer), status=202)
    record = (await service.heard(SUBSCRIPTIONS_COMMANDS, created["id"]))[0]
    command = decode(record, SubscriptionRequested)
    await service.say(SUBSCRIPTIONS_STATE, created["id"], state(command, 1, status))
    await eventually(lambda: has_status(developer, created["id"], status))
    return developer, offer, command


async def has_status(developer: Person, subscription_id: str, status: str) -> bool:
    return bool((await developer.get(f"/v1/subscriptions/{subscription_id}"))["status"] == status)
