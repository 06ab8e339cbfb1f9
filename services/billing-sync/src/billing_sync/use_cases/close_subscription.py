"""Cancel now: wait for complete usage, tell it, see it counted, delete, and make the final invoice right."""

from dataclasses import replace
from datetime import datetime

import structlog

from billing_sync.domain.final_invoice import (
    CORRECTION,
    decide_final,
    find_correction,
    find_final,
    invoiced_usage,
    stopped_invoices,
)
from billing_sync.domain.ledger import reported
from billing_sync.domain.records import Account, Closing, Period, Subscription
from billing_sync.domain.stripe_facts import InvoiceFacts, Permanent
from billing_sync.metrics import FINAL_INVOICES, SUMMARY_TIMEOUTS, USAGE_TIMEOUTS
from billing_sync.ports import Deps, InvoiceOrder, ItemOrder, Job, StripeAccount
from billing_sync.use_cases.outcome import (
    DONE,
    NOW,
    Outcome,
    again,
    cancel_at_stripe,
    connected_account,
    open_account,
)
from billing_sync.use_cases.report_usage import PeriodLedger, flush, read_ledger, record_late, summary_agrees
from shared.clock import real_now
from shared.events.billing import StripeSubscriptionClosed
from shared.rating import rate_usage

log = structlog.get_logger()

POLL_SECONDS = 0.3
LOOKS_FOR_INVOICE = 10
PAY_ATTEMPTS = 3
CORRECTION_TEXT = "Usage not on the earlier lines"


class Closer:
    """One step of one cancellation."""

    def __init__(self, deps: Deps, job: Job, closing: Closing, subscription: Subscription, account: Account) -> None:
        self._deps = deps
        self._job = job
        self._closing = closing
        self._subscription = subscription
        self._stripe: StripeAccount = open_account(deps, account)
        self._stripe_id = subscription.stripe_subscription_id or ""

    async def run(self, period: Period | None) -> Outcome:
        """Perform the present step."""
        step = self._closing.step
        if step == "await_usage":
            return await self._await_usage(period)
        if step == "await_summary":
            return await self._await_summary(period)
        if step == "delete":
            return await self._delete()
        if step == "verify":
            return await self._verify(period)
        return await self._finish(period)

    async def _await_usage(self, period: Period | None) -> Outcome:
        if not self._is_metered:
            return await self._go("delete")
        async with self._deps.work.transaction(self._job) as tx:
            complete_until = await tx.complete_until()
        if complete_until is None or complete_until < self._closing.ended_at:
            if self._waited_seconds() < self._deps.options.usage_bound_seconds:
                return again(POLL_SECONDS)
            USAGE_TIMEOUTS.inc()
        if (
            period is not None
            and await flush(self._deps, self._job, self._subscription, period) == "waiting"
            and self._waited_seconds() < self._deps.options.usage_bound_seconds + 5
        ):
            # Usage in the period's first second: there is no instant to stamp it with yet.
            return again(POLL_SECONDS)
        return await self._go("await_summary")

    async def _await_summary(self, period: Period | None) -> Outcome:
        if period is None:
            return await self._go("delete")
        book = await self._ledger(period)
        if book.untold > 0:
            await flush(self._deps, self._job, self._subscription, period)
            book = await self._ledger(period)
        if not await summary_agrees(self._deps, self._job, self._stripe, book.rows):
            if self._waited_seconds() < self._deps.options.summary_bound_seconds:
                return again(POLL_SECONDS)
            SUMMARY_TIMEOUTS.inc()
        return await self._go("delete")

    async def _delete(self) -> Outcome:
        facts = await cancel_at_stripe(self._stripe, self._stripe_id, invoice_now=True)
        async with self._deps.work.transaction(self._job) as tx:
            current = await tx.subscription(self._subscription.subscription_id)
            if current is not None:
                ended = facts.ended_at or facts.canceled_at or self._deps.clock.now()
                await tx.save_subscription(replace(current, stripe_ended_at=ended))
            await tx.request("refresh", self._subscription.subscription_id)
        return await self._go("verify")

    async def _verify(self, period: Period | None) -> Outcome:
        """Compare the final invoice with the ledger and make it right (stripe: cancel now, last step)."""
        invoices = await self._stripe.invoices_of_customer(self._subscription.customer_id or "")
        mine = [
            i
            for i in invoices
            if i.stripe_subscription_id == self._stripe_id
            or i.metadata.get(CORRECTION) == self._subscription.subscription_id
        ]
        if period is None or not self._is_metered:
            await self._release(stopped_invoices(mine, self._subscription.subscription_id, None))
            return await self._go("finish", verified=True)
        book = await self._ledger(period)
        expected = await self._expected_minor(book)
        deleted_at = self._subscription.stripe_ended_at or self._closing.ended_at
        subscription_id, usage_price_id = self._subscription.subscription_id, self._subscription.usage_price_id
        final = find_final(mine, subscription_id, usage_price_id, period.period_start, deleted_at)
        await self._release(stopped_invoices(mine, subscription_id, final))
        if final is None and expected > 0 and self._closing.attempts < LOOKS_FOR_INVOICE:
            await self._save(replace(self._closing, attempts=self._closing.attempts + 1))
            return again(POLL_SECONDS)
        correction = find_correction(mine, subscription_id)
        invoiced = sum(invoiced_usage(i, usage_price_id, CORRECTION_TEXT) for i in (final, correction) if i)
        verdict = decide_final(final, invoiced, expected)
        FINAL_INVOICES.labels(verdict.action).inc()
        log.info("final invoice", subscription=self._stripe_id, action=verdict.action, lacks=verdict.difference_minor)
        if verdict.action == "alarm":
            log.error("final invoice has more than the ledger", invoice=verdict.invoice_id, expected_minor=expected)
        invoice_id = verdict.invoice_id or (correction.invoice_id if correction else None)
        if verdict.action == "add_item" and final is not None:
            await self._stripe.set_auto_advance(final.invoice_id, False)
            await self._add_item(final.invoice_id, final.currency, verdict.difference_minor, period)
        elif verdict.action == "standalone":
            invoice_id = await self._standalone(correction, verdict.difference_minor, period)
        return await self._go("finish", verified=verdict.action != "alarm", final_invoice_id=invoice_id)

    async def _standalone(self, correction: InvoiceFacts | None, amount_minor: int, period: Period) -> str:
        currency = await self._currency()
        subscription_id = self._subscription.subscription_id
        invoice_id = correction.invoice_id if correction else ""
        if not invoice_id:
            facts = await self._stripe.subscription(self._stripe_id)
            order = InvoiceOrder(
                customer_id=self._subscription.customer_id or "",
                currency=currency,
                payment_method_id=facts.payment_method_id,
                metadata={CORRECTION: subscription_id, "subscription_id": subscription_id},
            )
            invoice_id = await self._stripe.create_invoice(order, f"final:{subscription_id}:{self._job.attempts}")
        await self._add_item(invoice_id, currency, amount_minor, period)
        return invoice_id

    async def _add_item(self, invoice_id: str, currency: str, amount_minor: int, period: Period) -> None:
        """The amount is in the key: a repeat that finds the item already there computes no difference at all."""
        item = ItemOrder(
            customer_id=self._subscription.customer_id or "",
            invoice_id=invoice_id,
            amount_minor=amount_minor,
            currency=currency,
            description=CORRECTION_TEXT,
            period_start=period.period_start,
            period_end=max(self._closing.ended_at, period.period_start),
        )
        await self._stripe.add_item(item, f"final-item:{invoice_id}:{amount_minor}")

    async def _finish(self, period: Period | None) -> Outcome:
        invoice_id = self._closing.final_invoice_id
        if invoice_id is not None:
            await self._collect(invoice_id)
        reported_units = reported((await self._ledger(period)).rows) if period else 0
        async with self._deps.work.transaction(self._job) as tx:
            if invoice_id is not None:
                await tx.request("invoice", f"{self._subscription.organization_id}/{invoice_id}")
            if period is not None:
                await tx.close_period(period.subscription_id, period.period_start)
            current = await tx.subscription(self._subscription.subscription_id)
            ended_at = self._deps.clock.now()
            if current is not None:
                ended_at = current.stripe_ended_at or ended_at
                await tx.save_subscription(replace(current, slot_freed=True))
            await tx.save_closing(replace(self._closing, step="done"))
            event = StripeSubscriptionClosed(
                subscription_id=self._subscription.subscription_id,
                ended_at=ended_at,
                verified=self._closing.verified,
                reported_units=reported_units,
                final_invoice_id=invoice_id,
            )
            await tx.publish(self._subscription.subscription_id, event)
        if period is not None and self._is_metered:
            await record_late(self._deps, self._job, replace(period, closed=True))
        return DONE

    async def _collect(self, invoice_id: str) -> None:
        """Finalize and pay; a card that is declined is Stripe's to retry, and no reason to keep a subscription open."""
        invoice = await self._stripe.invoice(invoice_id)
        if invoice.status == "draft":
            invoice = await self._stripe.finalize(invoice_id)
        for _ in range(PAY_ATTEMPTS):
            if invoice.status != "open":
                return
            try:
                invoice = await self._stripe.pay(invoice_id)
            except Permanent as error:
                log.warning("final invoice not paid yet", invoice=invoice_id, reason=error.message)
                return

    async def _release(self, invoices: list[InvoiceFacts]) -> None:
        """Deleting a subscription turns `auto_advance` off on *all* its drafts and open invoices."""
        for invoice in invoices:
            async with self._deps.work.transaction(self._job) as tx:
                renewal = await tx.renewal(invoice.invoice_id)
                if renewal is not None and renewal.step != "late":
                    # The renewal lifts it once its usage is complete.
                    await tx.request("renewal", invoice.invoice_id)
                    continue
            await self._stripe.set_auto_advance(invoice.invoice_id, True)

    async def _expected_minor(self, book: PeriodLedger) -> int:
        async with self._deps.work.transaction(self._job) as tx:
            version = await tx.plan_version(self._subscription.plan_version_number)
        if version is None:
            raise LookupError(f"plan version {self._subscription.plan_version_number}")
        return rate_usage(version, reported(book.rows)).total_minor

    async def _currency(self) -> str:
        async with self._deps.work.transaction(self._job) as tx:
            version = await tx.plan_version(self._subscription.plan_version_number)
        return version.currency if version else "usd"

    async def _ledger(self, period: Period) -> PeriodLedger:
        return await read_ledger(self._deps, self._job, self._subscription.subscription_id, period)

    @property
    def _is_metered(self) -> bool:
        """A flat plan has no meter and no usage line: its calls are counted, but never told to Stripe."""
        return self._subscription.usage_price_id is not None

    def _waited_seconds(self) -> float:
        return (real_now() - self._closing.step_started_at).total_seconds()

    async def _save(self, closing: Closing) -> None:
        async with self._deps.work.transaction(self._job) as tx:
            await tx.save_closing(closing)

    async def _go(self, step: str, *, verified: bool = False, final_invoice_id: str | None = None) -> Outcome:
        await self._save(
            replace(
                self._closing,
                step=step,
                step_started_at=real_now(),
                verified=verified,
                final_invoice_id=final_invoice_id,
            )
        )
        return NOW


async def close_subscription(deps: Deps, job: Job) -> Outcome:
    """Perform the next step of a cancellation; nothing at Stripe means closed at once."""
    async with deps.work.transaction(job) as tx:
        closing = await tx.closing(job.key)
        subscription = await tx.subscription(job.key)
        if closing is None or closing.step == "done" or subscription is None:
            return DONE
        account = await connected_account(tx, subscription.organization_id)
        if account is None or subscription.stripe_subscription_id is None:
            await tx.save_closing(replace(closing, step="done"))
            event = StripeSubscriptionClosed(
                subscription_id=job.key, ended_at=closing.ended_at, verified=account is not None, reported_units=0
            )
            await tx.publish(job.key, event)
            return DONE
        periods = await tx.periods(job.key)
    return await Closer(deps, job, closing, subscription, account).run(cut_period(periods, closing.ended_at))


def cut_period(periods: list[Period], ended_at: datetime) -> Period | None:
    """The period that the cancellation cuts: the last one that began before its instant."""
    begun = [p for p in periods if p.period_start <= ended_at]
    return max(begun, key=lambda p: p.period_start, default=None)
