"""Open Stripe's billing portal for the customer of a subscription: card, invoices, cancel at the period's end."""

from dataclasses import replace

from billing_sync.domain.records import Account, PortalRequest
from billing_sync.domain.stripe_facts import KeyInvalid, Permanent, PermissionMissing
from billing_sync.ports import Deps, Job, StripeAccount
from billing_sync.use_cases.outcome import DONE, Outcome, connected_account, open_account
from shared.events.billing import BillingPortalOpened, BillingPortalRefused

# What the portal offers is ours to say, once per account: plans are changed in our own product only.
CONFIGURATION = "1"


async def open_billing_portal(deps: Deps, job: Job) -> Outcome:
    """Key: the request. Answered once; a repeat after a crash opens another page, and only the last one is told."""
    async with deps.work.transaction(job) as tx:
        request = await tx.portal_request(job.key)
        if request is None or request.status != "waiting":
            return DONE
        account = await connected_account(tx, request.organization_id)
        subscription = await tx.subscription(request.subscription_id)
    if account is None:
        detail = "The provider has not connected a Stripe account: ask the provider."
        return await _refuse(deps, job, request, "stripe-not-connected", detail)
    if subscription is None or subscription.organization_id != request.organization_id or not subscription.customer_id:
        detail = "Nothing was paid by way of Stripe yet: there is no card and no invoice to manage."
        return await _refuse(deps, job, request, "nothing-to-manage", detail)
    stripe = open_account(deps, account)
    try:
        configuration = await _configuration(deps, job, account, stripe)
        key = f"portal:{job.key}:{job.attempts}"
        url = await stripe.open_portal(subscription.customer_id, configuration, request.return_url, key)
    except KeyInvalid:
        detail = "Stripe no longer knows the provider's key: it must be entered again."
        return await _refuse(deps, job, request, "stripe-key-invalid", detail)
    except PermissionMissing as error:
        return await _refuse(deps, job, request, "stripe-permission-missing", error.message)
    except Permanent as error:
        detail = f"Stripe does not open the billing portal: {error.message}"
        return await _refuse(deps, job, request, "stripe-portal-refused", detail)
    async with deps.work.transaction(job) as tx:
        await tx.save_portal_request(replace(request, status="opened"))
        opened = BillingPortalOpened(request_id=job.key, subscription_id=request.subscription_id, url=url)
        await tx.publish(request.subscription_id, opened)
    return DONE


async def _configuration(deps: Deps, job: Job, account: Account, stripe: StripeAccount) -> str:
    """Made once and found again: an account would fill up with one per visit (MAIF/daikoku#1230)."""
    async with deps.work.transaction(job) as tx:
        known = await tx.stripe_object(account.account_id, "portal_configuration", CONFIGURATION)
    if known is not None:
        return known
    found = await stripe.find_portal_configuration()
    made = found or await stripe.create_portal_configuration(f"portal_configuration:{job.key}:{job.attempts}")
    async with deps.work.transaction(job) as tx:
        await tx.save_stripe_object(account.account_id, "portal_configuration", CONFIGURATION, made)
    return made


async def _refuse(deps: Deps, job: Job, request: PortalRequest, problem: str, detail: str) -> Outcome:
    refused = BillingPortalRefused(
        request_id=request.request_id, subscription_id=request.subscription_id, problem=problem, detail=detail
    )
    async with deps.work.transaction(job) as tx:
        await tx.save_portal_request(replace(request, status="refused"))
        await tx.publish(request.subscription_id, refused)
    return DONE
