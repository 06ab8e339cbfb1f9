"""How a step of a job ends, and what jobs share."""

from dataclasses import dataclass

from billing_sync.domain.records import Account
from billing_sync.ports import Deps, StripeAccount, Tx


@dataclass(frozen=True, slots=True)
class Outcome:
    """`again_seconds` None = nothing left to do until requested again; else look again after that time."""

    again_seconds: float | None = None


DONE = Outcome()
NOW = Outcome(0.0)


def again(seconds: float) -> Outcome:
    """Look again after a while."""
    return Outcome(seconds)


async def connected_account(tx: Tx, organization_id: str) -> Account | None:
    """The organization's account, if it is connected."""
    account = await tx.account(organization_id)
    return account if account is not None and account.status == "connected" else None


def open_account(deps: Deps, account: Account) -> StripeAccount:
    """Calls in the account, with its decrypted key (which stays in memory)."""
    return deps.stripe.account(deps.vault.decrypt(account.secret_key))
