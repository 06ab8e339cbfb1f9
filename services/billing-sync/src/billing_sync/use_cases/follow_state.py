"""What other services say: store it, and request the work that follows. Runs in Kafka handlers: no call to Stripe."""

from dataclasses import replace

from billing_sync.domain.records import (
    Account,
    Api,
    Closing,
    Connection,
    Developer,
    PortalRequest,
    Subscription,
)
from billing_sync.ports import Tx
from shared.clock import real_now
from shared.events.billing import BillingCommand, BillingPortalRequested, StripeConnectRequested, StripeDisconnected
from shared.events.catalog import ApiState, PlanState
from shared.events.identity import DeveloperState
from shared.events.subscriptions import SubscriptionState

LIVE = frozenset({"incomplete", "trialing", "active", "past_due", "unpaid", "paused"})


async def follow_api(tx: Tx, state: ApiState) -> None:
    """Remember what an API's Product is called."""
    api = Api(state.api_id, state.version, state.number, state.organization_id, state.display_name, state.version_label)
    await tx.save_api(api)


async def follow_plan(tx: Tx, state: PlanState) -> None:
    """Remember a plan's versions; they never change."""
    await tx.save_plan(state)


async def follow_developer(tx: Tx, state: DeveloperState) -> None:
    """Remember who pays."""
    await tx.save_developer(Developer(state.developer_id, state.version, state.email, state.name))


async def obey_command(tx: Tx, command: BillingCommand) -> None:
    """Connect (checked by a job) or forget an organization's keys; open the billing portal (by a job)."""
    if isinstance(command, StripeConnectRequested):
        if await tx.connection(command.connection_id) is None:
            await tx.save_connection(
                Connection(
                    command.connection_id,
                    command.organization_id,
                    command.sealed_secret_key,
                    command.publishable_key,
                    "waiting",
                )
            )
        await tx.request("connect", command.connection_id)
        return
    if isinstance(command, BillingPortalRequested):
        if await tx.portal_request(command.request_id) is None:
            await tx.save_portal_request(
                PortalRequest(
                    command.request_id, command.organization_id, command.subscription_id, command.return_url, "waiting"
                )
            )
        await tx.request("billing_portal", command.request_id)
        return
    account = await tx.account(command.organization_id)
    if account is not None and account.status == "connected":
        await tx.save_account(_forgotten(account))
        await tx.publish(command.organization_id, StripeDisconnected(organization_id=command.organization_id))


def _forgotten(account: Account) -> Account:
    return replace(account, status="disconnected", secret_key=b"", webhook_secret=None, webhook_endpoint_id=None)


async def follow_subscription(tx: Tx, state: SubscriptionState) -> None:
    """A paid subscription changed: request what Stripe must hear of it."""
    if not state.paid:
        return
    known = await tx.subscription(state.subscription_id)
    if known is not None and known.version >= state.version:
        return
    subscription = _merged(known, state)
    await tx.save_subscription(subscription)
    if state.current_period_start is not None and state.current_period_end is not None:
        await tx.save_period(state.subscription_id, state.current_period_start, state.current_period_end)
    key = state.subscription_id
    if state.status == "pending_payment" and subscription.session_id is None:
        await tx.request("checkout", key)
    elif state.status in ("incomplete_expired", "rejected"):
        await tx.request("withdraw", key)
    elif state.status == "canceling":
        await _begin_closing(tx, state)
    elif state.status in LIVE:
        # Only a flip of *our* state is an order: a state that merely lags behind Stripe's portal must not undo it.
        wanted = subscription.has_scheduled_end
        flipped = wanted != (known.has_scheduled_end if known else False)
        if flipped and wanted != subscription.has_scheduled_end_at_stripe:
            await tx.request("scheduled_end", key)
        await tx.request("push", key)


async def _begin_closing(tx: Tx, state: SubscriptionState) -> None:
    if await tx.closing(state.subscription_id) is None and state.access_ended_at is not None:
        now = real_now()
        await tx.save_closing(Closing(state.subscription_id, state.access_ended_at, "await_usage", now, now))
    await tx.request("close", state.subscription_id)


def _merged(known: Subscription | None, state: SubscriptionState) -> Subscription:
    base = known or Subscription(
        subscription_id=state.subscription_id,
        version=state.version,
        organization_id=state.organization_id,
        developer_id=state.developer_id,
        api_id=state.api_id,
        plan_id=state.plan_id,
        plan_version_number=state.plan_version_number,
        status=state.status,
        success_url=state.success_url,
        cancel_url=state.cancel_url,
        cancel_at_period_end=state.cancel_at_period_end,
        cancel_at=state.cancel_at,
    )
    return replace(
        base,
        version=state.version,
        plan_version_number=state.plan_version_number,
        status=state.status,
        success_url=state.success_url,
        cancel_url=state.cancel_url,
        cancel_at_period_end=state.cancel_at_period_end,
        cancel_at=state.cancel_at,
        access_ended_at=state.access_ended_at,
    )
