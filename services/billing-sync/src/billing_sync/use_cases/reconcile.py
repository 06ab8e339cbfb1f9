"""Lost webhooks: look again, now and then, at what is open or live. Bounded by the interval and by the batch."""

from datetime import timedelta

from billing_sync.domain.stripe_facts import Permanent
from billing_sync.ports import Deps, Job
from billing_sync.use_cases.apply_stripe_state import mirror_invoice
from billing_sync.use_cases.outcome import DONE, Outcome, connected_account, open_account
from billing_sync.use_cases.renew_period import begin_renewal
from billing_sync.use_cases.report_usage import read_ledger, summary_agrees

RENEWAL_EXPECTED_SECONDS = 5


async def find_stale(deps: Deps) -> None:
    """Request a look at subscriptions not looked at for an interval, or whose period ended without a new one."""
    now = deps.clock.now()
    async with deps.work.transaction() as tx:
        stale = await tx.stale_subscriptions(
            now - timedelta(seconds=deps.options.reconcile_interval_seconds),
            now - timedelta(seconds=RENEWAL_EXPECTED_SECONDS),
        )
        for subscription_id in stale:
            await tx.request("reconcile", subscription_id)


async def reconcile_subscription(deps: Deps, job: Job) -> Outcome:
    """Session, subscription and invoices of one subscription as they are at Stripe; and does its summary agree?"""
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(job.key)
        if subscription is None:
            return DONE
        account = await connected_account(tx, subscription.organization_id)
        if account is None:
            return DONE
        if subscription.session_id is not None and subscription.session_status == "open":
            await tx.request("session", f"{subscription.organization_id}/{subscription.session_id}")
        if subscription.stripe_subscription_id is None:
            return DONE
        await tx.request("refresh", job.key)
        periods = await tx.periods(job.key)
    stripe = open_account(deps, account)
    for invoice in (await stripe.invoices_of(subscription.stripe_subscription_id))[:5]:
        async with deps.work.transaction(job) as tx:
            await mirror_invoice(tx, subscription, invoice, deps)
            await begin_renewal(tx, subscription, invoice)
    for period in periods[-1:]:
        book = await read_ledger(deps, job, job.key, period)
        if any(row.status == "sent" for row in book.rows):
            try:
                await summary_agrees(deps, job, stripe, book.rows)
            except Permanent:
                continue
    return DONE
