"""Open, withdraw and abandon Checkout Sessions."""

from dataclasses import replace
from datetime import timedelta

from billing_sync.domain.records import Account, Subscription
from billing_sync.domain.stripe_facts import KeyInvalid, Permanent, SessionFacts
from billing_sync.ports import Deps, Job, SessionOrder, StripeAccount, Tx
from billing_sync.use_cases.outcome import (
    DONE,
    Outcome,
    again,
    cancel_at_stripe,
    connected_account,
    open_account,
)
from billing_sync.use_cases.prepare_catalog import Offer, Preparation
from shared.events.billing import CheckoutExpired, CheckoutOpened, CheckoutRefused

PARKED_SECONDS = 0.5
MAX_PARKED_ATTEMPTS = 120


async def open_checkout(deps: Deps, job: Job) -> Outcome:
    """Open the Checkout Session of a subscription that waits for payment, or say why not."""
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(job.key)
        if subscription is None or subscription.status != "pending_payment":
            return DONE
        if subscription.session_id is not None or subscription.checkout_refused:
            return DONE
        account = await connected_account(tx, subscription.organization_id)
        if account is None:
            detail = "The provider has not connected a Stripe account: nothing can be paid yet."
            await _refuse(tx, subscription, "stripe-not-connected", detail)
            return DONE
        offer = await _offer(tx, subscription)
    if offer is None:
        # The plan, the API or the developer is on its way on another topic.
        return again(PARKED_SECONDS)
    try:
        return await _open(deps, job, subscription, account, offer)
    except KeyInvalid:
        problem, detail = "stripe-key-invalid", "Stripe no longer knows the provider's key: it must be entered again."
    except Permanent as error:
        problem, detail = "stripe-checkout-refused", f"Stripe does not open the Checkout: {error.message}"
    except ValueError as error:
        problem, detail = "plan-not-sellable", f"The plan cannot be sold: {error}."
    async with deps.work.transaction(job) as tx:
        current = await tx.subscription(job.key)
        if current is not None:
            await _refuse(tx, current, problem, detail)
    return DONE


async def _open(deps: Deps, job: Job, subscription: Subscription, account: Account, offer: Offer) -> Outcome:
    stripe = open_account(deps, account)
    refusal = await _charges_refusal(stripe)
    if refusal is not None:
        async with deps.work.transaction(job) as tx:
            await _refuse(tx, subscription, "stripe-charges-disabled", refusal)
        return DONE
    prepared = await Preparation(deps, job, account, stripe, offer).run(subscription)
    session = await _session(deps, job, stripe, prepared.subscription, prepared.fee_price_id)
    async with deps.work.transaction(job) as tx:
        current = await tx.subscription(job.key)
        if current is None:
            return DONE
        current = replace(
            current, session_id=session.session_id, session_status=session.status, refreshed_at=deps.clock.now()
        )
        await tx.save_subscription(current)
        if current.status != "pending_payment":
            # Withdrawn while it was being opened.
            await tx.request("withdraw", job.key)
            return DONE
        event = CheckoutOpened(
            subscription_id=job.key, session_id=session.session_id, url=session.url or "", expires_at=session.expires_at
        )
        await tx.publish(job.key, event)
    return DONE


async def _session(
    deps: Deps, job: Job, stripe: StripeAccount, subscription: Subscription, fee_price_id: str | None
) -> SessionFacts:
    customer_id = subscription.customer_id or ""
    found = await stripe.find_open_session(customer_id, subscription.subscription_id)
    if found is not None:
        return found
    order = SessionOrder(
        subscription_id=subscription.subscription_id,
        customer_id=customer_id,
        usage_price_id=subscription.usage_price_id,
        fee_price_id=fee_price_id,
        success_url=subscription.success_url,
        cancel_url=subscription.cancel_url,
        expires_at=deps.clock.now() + timedelta(seconds=deps.options.checkout_lifetime_seconds),
    )
    # The expiry is part of the parameters, so it is part of the key: same key with others is Stripe's 400.
    return await stripe.create_session(order, f"checkout:{job.key}:{int(order.expires_at.timestamp())}")


async def _charges_refusal(stripe: StripeAccount) -> str | None:
    try:
        facts = await stripe.read_account()
    except KeyInvalid:
        raise
    except Permanent:
        return None  # a restricted key may not read its account: unknown is not a refusal
    if facts.charges_enabled is not False:
        return None
    reason = facts.disabled_reason or "no reason given"
    return f"Stripe does not let the provider's account take payments ({reason}); the provider must complete it."


async def _offer(tx: Tx, subscription: Subscription) -> Offer | None:
    api = await tx.api(subscription.api_id)
    name = await tx.plan_name(subscription.plan_id)
    version = await tx.plan_version(subscription.plan_version_number)
    developer = await tx.developer(subscription.developer_id)
    if api is None or name is None or version is None or developer is None:
        return None
    return Offer(api, name, version, developer)


async def _refuse(tx: Tx, subscription: Subscription, problem: str, detail: str) -> None:
    await tx.save_subscription(replace(subscription, checkout_refused=True, slot_freed=True))
    event = CheckoutRefused(subscription_id=subscription.subscription_id, problem=problem, detail=detail)
    await tx.publish(subscription.subscription_id, event)


async def withdraw_checkout(deps: Deps, job: Job) -> Outcome:
    """The subscription ended before it was paid: expire its open session; one paid meanwhile is taken back."""
    async with deps.work.transaction(job) as tx:
        subscription = await tx.subscription(job.key)
        if subscription is None or subscription.session_id is None:
            return DONE
        account = await connected_account(tx, subscription.organization_id)
    if account is None:
        return DONE
    stripe = open_account(deps, account)
    session = await stripe.session(subscription.session_id)
    if session.status == "open":
        try:
            session = await stripe.expire_session(session.session_id)
        except Permanent:
            session = await stripe.session(session.session_id)  # completed or expired in between
    if session.status == "complete" and session.subscription is not None:
        await _take_back(stripe, session.subscription)
    async with deps.work.transaction(job) as tx:
        current = await tx.subscription(job.key)
        if current is None:
            return DONE
        if session.status == "expired" and current.session_status != "expired":
            await tx.publish(job.key, CheckoutExpired(subscription_id=job.key, session_id=session.session_id))
        taken_back = session.subscription or current.stripe_subscription_id
        await tx.save_subscription(
            replace(current, session_status=session.status, slot_freed=True, stripe_subscription_id=taken_back)
        )
    return DONE


async def _take_back(stripe: StripeAccount, stripe_subscription_id: str) -> None:
    """A Checkout completed after its subscription had ended: cancel, and pay back what was paid."""
    await cancel_at_stripe(stripe, stripe_subscription_id, invoice_now=False)
    for invoice in await stripe.invoices_of(stripe_subscription_id):
        if invoice.amount_paid_minor > 0:
            await stripe.refund_invoice(invoice.invoice_id)
