"""How a step of a job ends, and what jobs share."""

from dataclasses import dataclass

from billing_sync.domain.records import Account
from billing_sync.domain.stripe_facts import Permanent, SubscriptionFacts
from billing_sync.ports import Deps, StripeAccount, Tx


@dataclass(frozen=True, slots=True)
class Outcome:
    """`again_seconds` None = nothing left to do until requested again; else look again after that time."""

    again_seconds: float | None = None


GONE = frozenset({"canceled", "incomplete_expired"})
DONE = Outcome()
NOW = Outcome(0.0)


def again(seconds: float) -> Outcome:
    """Look again after a while."""
    return Outcome(seconds)


async def connected_account(tx: Tx, organization_id: str) -> Account | None:
    """The organization's account, if it is connected."""
    account = await tx.account(organization_id)
    return account if account is not None and account.status == "connected" else None


async def cancel_at_stripe(stripe: StripeAccount, stripe_id: str, *, invoice_now: bool) -> SubscriptionFacts:
    """Delete a subscription, once: a repeat of a lost answer (the SDK's own included) is a 404 for a deleted one."""
    facts = await stripe.subscription(stripe_id)
    if facts.status in GONE:
        return facts
    try:
        return await stripe.cancel_now(stripe_id, invoice_now=invoice_now)
    except Permanent:
        facts = await stripe.subscription(stripe_id)
        if facts.status in GONE:
            return facts
        raise


def open_account(deps: Deps, account: Account) -> StripeAccount:
    """Calls in the account, with its decrypted key (which stays in memory)."""
    return deps.stripe.account(deps.vault.decrypt(account.secret_key))
