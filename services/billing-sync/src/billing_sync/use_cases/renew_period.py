"""The draft invoice of an ended period: hold it until all usage of the period is in, then let Stripe finalize it."""

from dataclasses import replace
from datetime import datetime, timedelta

from billing_sync.domain.records import Period, Renewal, Subscription
from billing_sync.domain.stripe_facts import InvoiceFacts, Permanent
from billing_sync.metrics import SUMMARY_TIMEOUTS, USAGE_TIMEOUTS
from billing_sync.ports import Deps, Job, StripeAccount, Tx
from billing_sync.use_cases.outcome import DONE, NOW, Outcome, again, connected_account, open_account
from billing_sync.use_cases.report_usage import flush, read_ledger, record_late, summary_agrees
from shared.clock import real_now

POLL_SECONDS = 0.5
_STEP = timedelta(seconds=1)
# Of Stripe's hour before a draft is final: after so much of it we do not rely on the rest.
_UNHURRIED = timedelta(minutes=30)


def ended_period(invoice: InvoiceFacts, periods: list[Period]) -> Period | None:
    """Which period a renewal's draft bills: the one that ends where the invoice, or one of its lines, says."""
    ends = {invoice.period_end, *(line.period_end for line in invoice.lines)}
    known = [p for p in periods if any(abs(p.period_end - end) < _STEP for end in ends) and not p.closed]
    ended = [p for p in known if p.period_end <= invoice.created_at + _STEP]
    return max(ended, key=lambda p: p.period_end, default=None)


async def begin_renewal(tx: Tx, subscription: Subscription, invoice: InvoiceFacts) -> None:
    """Called whenever an invoice was fetched: a draft of a subscription cycle starts a renewal, once."""
    if invoice.status != "draft" or invoice.billing_reason != "subscription_cycle" or subscription.meter_id is None:
        return
    closing = await tx.closing(subscription.subscription_id)
    if await tx.renewal(invoice.invoice_id) is None:
        period = ended_period(invoice, await tx.periods(subscription.subscription_id))
        if period is None or (closing is not None and period.period_end > closing.ended_at):
            return  # the final invoice of a cancellation: verified there
        now = real_now()
        renewal = Renewal(
            invoice_id=invoice.invoice_id,
            organization_id=subscription.organization_id,
            subscription_id=subscription.subscription_id,
            period_start=period.period_start,
            period_end=period.period_end,
            step="await_usage",
            held=False,
            started_at=now,
            step_started_at=now,
        )
        await tx.save_renewal(renewal)
    await tx.request("renewal", invoice.invoice_id)


async def renew_period(deps: Deps, job: Job) -> Outcome:
    """One step of a renewal."""
    async with deps.work.transaction(job) as tx:
        renewal = await tx.renewal(job.key)
        if renewal is None or renewal.step == "late":
            return DONE
        subscription = await tx.subscription(renewal.subscription_id)
        account = await connected_account(tx, renewal.organization_id)
        complete_until = await tx.complete_until()
    if subscription is None or account is None:
        return DONE
    stripe = open_account(deps, account)
    period = Period(renewal.subscription_id, renewal.period_start, renewal.period_end)
    invoice = await stripe.invoice(renewal.invoice_id)
    if invoice.status != "draft":
        await _closed(deps, job, renewal, period)
        return DONE
    if renewal.step in ("await_usage", "released"):
        return await _await_usage(deps, job, stripe, renewal, subscription, period, invoice, complete_until)
    return await _await_summary(deps, job, stripe, renewal, period, invoice)


async def _await_usage(
    deps: Deps,
    job: Job,
    stripe: StripeAccount,
    renewal: Renewal,
    subscription: Subscription,
    period: Period,
    invoice: InvoiceFacts,
    complete_until: datetime | None,
) -> Outcome:
    complete = complete_until is not None and complete_until >= period.period_end
    waited_seconds = (real_now() - renewal.started_at).total_seconds()
    waits = not complete and waited_seconds < deps.options.renewal_bound_seconds
    must_hold = waits or deps.clock.now() > invoice.created_at + _UNHURRIED
    if must_hold and (invoice.auto_advance or not renewal.held):
        # Intent first: after a crash in between, whoever goes on knows that the hold is ours to set and to lift.
        renewal = replace(renewal, held=True)
        await _save(deps, job, renewal)
        await stripe.set_auto_advance(renewal.invoice_id, False)
    if waits:
        return again(POLL_SECONDS)
    if not complete:
        USAGE_TIMEOUTS.inc()
    if await flush(deps, job, subscription, period) == "waiting":
        return again(POLL_SECONDS)
    await _save(deps, job, replace(renewal, step="await_summary", step_started_at=real_now()))
    return NOW


async def _await_summary(
    deps: Deps, job: Job, stripe: StripeAccount, renewal: Renewal, period: Period, invoice: InvoiceFacts
) -> Outcome:
    book = await read_ledger(deps, job, renewal.subscription_id, period)
    if book.untold > 0:
        await _save(deps, job, replace(renewal, step="await_usage"))
        return NOW
    if not await summary_agrees(deps, job, stripe, book.rows):
        waited_seconds = (real_now() - renewal.step_started_at).total_seconds()
        if waited_seconds < deps.options.summary_bound_seconds:
            return again(POLL_SECONDS)
        SUMMARY_TIMEOUTS.inc()
    if not invoice.auto_advance:
        # Ours, or Stripe's own at a cancellation: a draft that nobody advances is never collected.
        try:
            await stripe.set_auto_advance(renewal.invoice_id, True)
        except Permanent:
            return NOW  # finalized in between: the next look sees it
    await _save(deps, job, replace(renewal, step="released", held=False))
    return DONE


async def _closed(deps: Deps, job: Job, renewal: Renewal, period: Period) -> None:
    """The invoice is final: what is still untold is late."""
    async with deps.work.transaction(job) as tx:
        await tx.close_period(renewal.subscription_id, renewal.period_start)
        await tx.save_renewal(replace(renewal, step="late", held=False))
    await record_late(deps, job, period)


async def _save(deps: Deps, job: Job, renewal: Renewal) -> None:
    async with deps.work.transaction(job) as tx:
        await tx.save_renewal(renewal)
