"""Kafka records to use cases, in the consumer's transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from billing_sync.ports import Tx
from billing_sync.use_cases import follow_state, record_usage
from shared.events.billing import BillingCommand
from shared.events.catalog import ApiState, PlanState
from shared.events.envelope import Event
from shared.events.identity import DeveloperState
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import (
    BILLING_COMMANDS,
    CATALOG_APIS,
    CATALOG_PLANS,
    IDENTITY_DEVELOPERS,
    METERING_USAGE,
    SUBSCRIPTIONS_STATE,
    Topic,
)
from shared.events.usage import UsageEvent, UsageWindow
from shared.messaging.record import Handler, Record, each

E = TypeVar("E", bound=Event)
_usage_decoder: msgspec.json.Decoder[UsageEvent] = msgspec.json.Decoder(UsageEvent)
Inside = Callable[[AsyncSession], Tx]


def handlers(inside: Inside) -> Mapping[Topic, Handler]:
    """Topics in the order in which a poll's records are handled: what describes before what needs it."""

    def one(kind: type[E], use_case: Callable[[Tx, E], Awaitable[None]]) -> Handler:
        async def handle(session: AsyncSession, event: E) -> None:
            await use_case(inside(session), event)

        return each(kind, handle)

    async def on_usage(session: AsyncSession, records: Sequence[Record]) -> None:
        tx = inside(session)
        windows: list[UsageWindow] = []
        completes = []
        for record in records:
            if record.value is None:
                continue
            event = _usage_decoder.decode(record.value)
            if isinstance(event, UsageWindow):
                windows.append(event)
            else:
                completes.append((record.partition, event.complete_until))
        # Completeness comes after the windows it covers, also within a batch.
        await record_usage.record_windows(tx, windows)
        for partition, complete_until in completes:
            await record_usage.record_complete(tx, partition, complete_until)

    return {
        CATALOG_APIS: one(ApiState, follow_state.follow_api),
        CATALOG_PLANS: one(PlanState, follow_state.follow_plan),
        IDENTITY_DEVELOPERS: one(DeveloperState, follow_state.follow_developer),
        BILLING_COMMANDS: one(BillingCommand, follow_state.obey_command),  # type: ignore[arg-type]
        SUBSCRIPTIONS_STATE: one(SubscriptionState, follow_state.follow_subscription),
        METERING_USAGE: on_usage,
    }
