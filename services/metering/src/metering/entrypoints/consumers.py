"""Records of the bus -> use cases."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from metering import metrics
from metering.domain.period import Period, access_end
from metering.ports import UsageStore
from metering.use_cases.apply_subscriptions import SubscriptionFacts, apply_subscriptions
from metering.use_cases.record_calls import Batch, Recorded, record_calls
from shared.clock import real_now, to_us
from shared.events.envelope import decode
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import dead_letter_topic
from shared.messaging.outbox import Outbox
from shared.messaging.record import Handler, Record

log = structlog.get_logger()

GROUP = "metering"
StoreFactory = Callable[[AsyncSession], UsageStore]


def to_facts(state: SubscriptionState) -> SubscriptionFacts:
    """What metering keeps of a state."""
    start, end = state.current_period_start, state.current_period_end
    access_ends = access_end(state)
    return SubscriptionFacts(
        number=state.number,
        subscription_id=state.subscription_id,
        version=state.version,
        end_us=None if access_ends is None else to_us(access_ends),
        period=None if start is None else Period(to_us(start), None if end is None else to_us(end)),
    )


def on_subscriptions(store_for: StoreFactory) -> Handler:
    """subscriptions.state."""

    async def handle(session: AsyncSession, records: Sequence[Record]) -> None:
        states = [decode(record.value, SubscriptionState) for record in records if record.value is not None]
        counted = await apply_subscriptions(store_for(session), [to_facts(state) for state in states])
        metrics.CALLS.inc(counted)

    return handle


def on_requests(store_for: StoreFactory, outbox: Outbox) -> Handler:
    """gateway.requests. A batch that cannot be right will not become right: its dead letter is written at once."""

    async def handle(session: AsyncSession, records: Sequence[Record]) -> None:
        batches = [Batch(record.partition, record.value or b"") for record in records]
        outcome = await record_calls(store_for(session), batches, to_us(real_now()))
        for index, reason in outcome.rejected:
            await _dead_letter(session, outbox, records[index], reason)
        _count(outcome)

    return handle


def _count(outcome: Recorded) -> None:
    metrics.CALLS.inc(outcome.counted)
    metrics.DUPLICATES.inc(outcome.duplicates)
    metrics.TORN.inc(outcome.torn)
    metrics.UNCOUNTABLE.inc(outcome.uncountable)
    metrics.WAITED.inc(outcome.waiting)
    metrics.GAPS_OPENED.inc(outcome.gap_sequences)
    metrics.GAPS_FILLED.inc(outcome.filled)
    if outcome.uncountable:
        log.error("calls without a subscription were not counted", calls=outcome.uncountable)
    if outcome.gap_sequences:
        log.warning("sequences were skipped", sequences=outcome.gap_sequences)


async def _dead_letter(session: AsyncSession, outbox: Outbox, record: Record, reason: str) -> None:
    source = f"{record.topic}/{record.partition}/{record.offset}"
    log.error("a record of calls goes to its dead letter topic", source=source, reason=reason)
    metrics.REJECTED.labels("header" if reason.startswith("header") else "torn").inc()
    headers = {
        **record.headers,
        "dead_letter_reason": reason,
        "dead_letter_attempts": "1",
        "dead_letter_source": source,
        "dead_letter_first_time": datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).isoformat(),
    }
    topic = dead_letter_topic(record.topic, GROUP)
    await outbox.publish_raw(session, topic.name, record.key.encode(), record.value, headers)
