"""Tell Stripe the usage of a period: one ledger row, one meter event, one step at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from billing_sync.domain import ledger
from billing_sync.domain.records import Period, Push, Subscription
from billing_sync.domain.stripe_facts import Permanent
from billing_sync.metrics import FIRST_TRY_DUPLICATES, LATE_UNITS, METER_EVENTS, UNITS_REPORTED
from billing_sync.ports import Deps, Job, StripeAccount, Tx
from billing_sync.use_cases.follow_state import LIVE
from billing_sync.use_cases.outcome import DONE, Outcome, again, connected_account, open_account
from shared.clock import real_now
from shared.events.billing import MeterEventRefused, UsageReported

SOON_SECONDS = 1.0
BUSY_SECONDS = 0.2
Flushed = Literal["flushed", "waiting"]


async def push_usage(deps: Deps, job: Job) -> Outcome:
    """The regular push of a subscription's open period; ended periods belong to their renewal."""
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(job.key)
        if subscription is None or subscription.event_name is None or subscription.stripe_subscription_id is None:
            return DONE
        periods = await tx.periods(job.key)
    now = deps.clock.now()
    waiting = False
    for period in periods:
        if period.closed:
            await record_late(deps, job, period)
        elif period.period_end <= now:
            await _wake_renewal(deps, job, period)
        elif subscription.status in LIVE and period.period_start <= now:
            waiting |= await flush(deps, job, subscription, period) == "waiting"
    return again(SOON_SECONDS) if waiting else DONE


async def _wake_renewal(deps: Deps, job: Job, period: Period) -> None:
    """Usage of an ended period: its renewal pushes it, as long as its invoice is a draft."""
    async with deps.work.transaction(job) as tx:
        renewal = await tx.renewal_of(period.subscription_id, period.period_start)
        counted = await tx.counted_units(period.subscription_id, period.period_start)
        told = sum(row.units for row in await tx.pushes(period.subscription_id, period.period_start))
        if renewal is not None and counted > told:
            await tx.request("renewal", renewal.invoice_id)


async def flush(deps: Deps, job: Job, subscription: Subscription, period: Period) -> Flushed:
    """Push until the ledger holds all that was counted. "waiting" = a stamp is not possible yet, or another is busy."""
    async with deps.work.transaction(job) as tx:
        account = await connected_account(tx, subscription.organization_id)
    if account is None:
        return "flushed"
    stripe = open_account(deps, account)
    while True:
        step = await _next_row(deps, job, subscription, period)
        if step is None or isinstance(step, str):
            return step or "flushed"
        await _perform(deps, job, stripe, step, period)


async def _next_row(
    deps: Deps, job: Job, subscription: Subscription, period: Period
) -> Push | Literal["waiting"] | None:
    """The unfinished row of (customer, meter) if there is one, else a new one, written before it is sent."""
    if subscription.customer_id is None or subscription.meter_id is None or subscription.event_name is None:
        return None
    async with deps.work.transaction(job) as tx:
        await tx.subscription(subscription.subscription_id)  # the row's lock serializes pushes of a subscription
        unfinished = await tx.unfinished_push(subscription.customer_id, subscription.meter_id)
        if unfinished is not None:
            mine = unfinished.subscription_id == subscription.subscription_id
            return await _attempt(tx, deps, unfinished) if mine else "waiting"
        rows = await tx.pushes(subscription.subscription_id, period.period_start)
        counted = await tx.counted_units(subscription.subscription_id, period.period_start)
        template = _template(subscription, period)
        push = ledger.next_push(template, counted, rows, deps.clock.now(), period.period_end)
        if push is None:
            return "waiting" if counted > sum(row.units for row in rows) else None
        return await _attempt(tx, deps, push)


def _template(subscription: Subscription, period: Period) -> Push:
    return Push(
        subscription_id=subscription.subscription_id,
        period_start=period.period_start,
        push_number=0,
        identifier="",
        organization_id=subscription.organization_id,
        customer_id=subscription.customer_id or "",
        meter_id=subscription.meter_id or "",
        event_name=subscription.event_name or "",
        units=0,
        stamped_at=period.period_start,
        status="pending",
    )


async def _attempt(tx: Tx, deps: Deps, push: Push) -> Push:
    """Count the try before it is made: "already exists" means something else on a first try than on a repeat."""
    tried = replace(
        push,
        attempts=push.attempts + 1,
        first_tried_at=push.first_tried_at or deps.clock.now(),
        first_tried_real_at=push.first_tried_real_at or real_now(),
    )
    await tx.save_push(tried)
    return tried


async def _perform(deps: Deps, job: Job, stripe: StripeAccount, push: Push, period: Period) -> None:
    if ledger.decide_repeat(push, deps.clock.now(), real_now()) == "compare":
        compared = await _compare(deps, job, stripe, push, period)
        if compared is None:
            return
        push = compared
    try:
        # The identifier is what Stripe deduplicates by; the idempotency key is another thing and names the try,
        # because Stripe would replay a stored 500 for a day.
        taken = await stripe.send_meter_event(push, f"{push.identifier}:{push.attempts}")
    except Permanent as error:
        if not error.is_already_done:
            await _finish(deps, job, replace(push, status="refused", reason=error.message[:500]))
            return
        taken = False
    await _finish(deps, job, ledger.after_answer(push, "accepted" if taken else "already_exists"))


async def _compare(deps: Deps, job: Job, stripe: StripeAccount, push: Push, period: Period) -> Push | None:
    """A try more than a day old: only the meter's summary tells whether Stripe has it. None = the row is finished."""
    bounds = ledger.minute_range([push.stamped_at])
    if bounds is None:
        raise ledger.LedgerBroken(push.identifier)
    summary = await stripe.summary(push.meter_id, push.customer_id, *bounds)
    async with deps.work.transaction(job) as tx:
        told = await tx.units_stamped(push.customer_id, push.meter_id, *bounds)
    decision = ledger.decide_comparison(push, told, summary)
    if decision == "counted":
        await _finish(deps, job, replace(push, status="sent"))
        return None
    if decision == "unclear":
        reason = f"Stripe's summary says {summary}, the ledger {told} or {told + push.units}"
        await _finish(deps, job, replace(push, status="refused", reason=reason))
        return None
    same_period = push.period_start == period.period_start
    end = period.period_end if same_period else push.stamped_at
    stamped = ledger.restamp(push, deps.clock.now(), end)
    if stamped is None:
        await _finish(deps, job, replace(push, status="refused", reason="too old for its period: late usage"))
        async with deps.work.transaction(job) as tx:
            await tx.save_late(push.subscription_id, push.period_start, push.units, "older than Stripe takes")
        return None
    fresh = replace(stamped, first_tried_at=deps.clock.now(), first_tried_real_at=real_now())
    async with deps.work.transaction(job) as tx:
        await tx.save_push(fresh)
    return fresh


async def _finish(deps: Deps, job: Job, push: Push) -> None:
    METER_EVENTS.labels(push.status).inc()
    if push.status == "sent":
        UNITS_REPORTED.inc(push.units)
    elif push.attempts <= 1 and push.reason and "before the first try" in push.reason:
        FIRST_TRY_DUPLICATES.inc()
    async with deps.work.transaction(job) as tx:
        await tx.save_push(push)
        if push.status == "refused":
            refused = MeterEventRefused(
                subscription_id=push.subscription_id,
                identifier=push.identifier,
                units=push.units,
                reason=push.reason or "",
            )
            await tx.publish(push.subscription_id, refused)
        rows = await tx.pushes(push.subscription_id, push.period_start)
        counted = await tx.counted_units(push.subscription_id, push.period_start)
        event = UsageReported(
            subscription_id=push.subscription_id,
            period_start=push.period_start,
            counted_units=counted,
            reported_units=ledger.reported(rows),
        )
        await tx.publish(push.subscription_id, event)


async def summary_agrees(deps: Deps, job: Job, stripe: StripeAccount, rows: Sequence[Push]) -> bool:
    """Does the meter's summary equal the ledger over the same minutes? If so, the rows are confirmed."""
    sent = [row for row in rows if row.status in ("sent", "confirmed")]
    bounds = ledger.minute_range(row.stamped_at for row in sent)
    if bounds is None:
        return True
    customer_id, meter_id = sent[0].customer_id, sent[0].meter_id
    summary = await stripe.summary(meter_id, customer_id, *bounds)
    async with deps.work.transaction(job) as tx:
        told = await tx.units_stamped(customer_id, meter_id, *bounds)
        if summary != told:
            return False
        await tx.confirm_stamped(customer_id, meter_id, *bounds)
    return True


@dataclass(frozen=True, slots=True)
class PeriodLedger:
    """A period's total and rows."""

    counted: int
    rows: tuple[Push, ...]

    @property
    def untold(self) -> int:
        """Units that no row holds yet."""
        return self.counted - sum(row.units for row in self.rows)


async def read_ledger(deps: Deps, job: Job, subscription_id: str, period: Period) -> PeriodLedger:
    """The ledger of a period."""
    async with deps.work.transaction(job) as tx:
        counted = await tx.counted_units(subscription_id, period.period_start)
        return PeriodLedger(counted, tuple(await tx.pushes(subscription_id, period.period_start)))


async def record_late(deps: Deps, job: Job, period: Period) -> None:
    """Usage of a period whose invoice is final: a visible row, never silence."""
    book = await read_ledger(deps, job, period.subscription_id, period)
    if book.untold <= 0:
        return
    async with deps.work.transaction(job) as tx:
        more = await tx.save_late(
            period.subscription_id, period.period_start, book.untold, "its invoice was already final"
        )
    LATE_UNITS.inc(more)
