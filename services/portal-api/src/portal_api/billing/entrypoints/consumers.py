"""Records of the bus -> projections. Group `portal-api`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.usage import about_api
from portal_api.billing.use_cases.projections import Projections
from shared.events.billing import BillingEvent
from shared.events.envelope import decode
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import BILLING_EVENTS, METERING_USAGE, SUBSCRIPTIONS_STATE, Topic
from shared.events.usage import UsageComplete, UsageEvent, UsageWindow
from shared.messaging.record import Handler, Record, each

GROUP = "portal-api"
# mypy takes a union as a value, not as a type of a type.
_USAGE = cast("type[UsageEvent]", UsageEvent)
_BILLING = cast("type[BillingEvent]", BillingEvent)


Touch = Callable[..., None]


def handlers(projections: Projections, touch: Touch) -> Mapping[Topic, Handler]:
    """What main gives to the TransactionalConsumer. `touch` hears whom each change is about, for the open pages."""

    async def on_usage(session: AsyncSession, records: Sequence[Record]) -> None:
        windows: list[UsageWindow] = []
        complete: list[tuple[int, UsageComplete]] = []
        for record in records:
            if record.value is None:
                continue
            event: UsageEvent = decode(record.value, _USAGE)
            if isinstance(event, UsageWindow):
                touch(event.subscription_id, about_api(event.api_number))
                windows.append(event)
            else:
                complete.append((record.partition, event))
        # Windows first: what is said to be complete must be in.
        await projections.on_windows(session, windows)
        for partition, event in complete:
            await projections.on_complete(session, partition, event.complete_until)

    async def on_billing(session: AsyncSession, records: Sequence[Record]) -> None:
        for record in records:
            if record.value is not None:
                event: BillingEvent = decode(record.value, _BILLING)
                touch(*_about(event))
                said = record.headers.get("ce_time")
                await projections.on_billing(session, event, datetime.fromisoformat(said) if said else None)

    async def on_subscription(session: AsyncSession, state: SubscriptionState) -> None:
        touch(state.subscription_id, state.developer_id, state.organization_id)
        await projections.on_subscription(session, state)

    return {
        SUBSCRIPTIONS_STATE: each(SubscriptionState, on_subscription),
        METERING_USAGE: on_usage,
        BILLING_EVENTS: on_billing,
    }


def _about(event: BillingEvent) -> Iterator[str]:
    """Its subscription, developer and organization, as far as it names them."""
    for name in ("subscription_id", "developer_id", "organization_id"):
        value = getattr(event, name, None)
        if value:
            yield value
