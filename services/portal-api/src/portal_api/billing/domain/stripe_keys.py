"""The form of Stripe's keys. Whether they work, billing-sync finds out; the portal cannot even keep them."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from shared.errors import DomainError

_SECRET = re.compile(r"(?:sk|rk)_(test|live)_([A-Za-z0-9]{8,240})")
_PUBLISHABLE = re.compile(r"pk_(test|live)_([A-Za-z0-9]{8,240})")
# Both keys of an account begin with `5` and its 16 characters; old keys do not, then only Stripe can tell.
_ACCOUNT = re.compile(r"5([A-Za-z0-9]{16})")


@dataclass(frozen=True, slots=True)
class StripeConnection:
    """The read model of an organization's connection. Keys that were refused leave working ones in place."""

    organization_id: str
    connected: bool = False
    pending_connection_id: str | None = None
    connection_id: str | None = None
    account_id: str | None = None
    livemode: bool | None = None
    charges_enabled: bool | None = None
    publishable_key: str | None = None
    checks: tuple[dict[str, Any], ...] = ()
    problem: str | None = None
    problem_detail: str | None = None

    @property
    def status(self) -> Literal["pending", "refused", "connected", "disconnected"]:
        """What became of the keys that were entered last."""
        if self.pending_connection_id is not None:
            return "pending"
        if self.problem is not None:
            return "refused"
        return "connected" if self.connected else "disconnected"


def check_keys(secret_key: str, publishable_key: str) -> None:
    """Whether these can be keys of one mode and account. Raises DomainError that names the field, never a key."""
    secret = _SECRET.fullmatch(secret_key)
    if secret is None:
        hint = "that is the publishable key" if secret_key.startswith("pk_") else "copy it from Stripe's Dashboard"
        raise _fault("secret_key", f"must begin with sk_test_, sk_live_, rk_test_ or rk_live_; {hint}")
    publishable = _PUBLISHABLE.fullmatch(publishable_key)
    if publishable is None:
        raise _fault("publishable_key", "must begin with pk_test_ or pk_live_; copy it from Stripe's Dashboard")
    if secret.group(1) != publishable.group(1):
        detail = f"The secret key is a {secret.group(1)} key, the publishable key a {publishable.group(1)} key."
        raise _of_two("modes", detail)
    of_secret, of_publishable = _ACCOUNT.match(secret.group(2)), _ACCOUNT.match(publishable.group(2))
    if of_secret and of_publishable and of_secret.group(1) != of_publishable.group(1):
        raise _of_two("accounts", "The two keys name different Stripe accounts: copy both from the same API keys page.")


def _of_two(what: str, detail: str) -> DomainError:
    title = f"The keys are of two Stripe {what}"
    return DomainError(f"stripe-keys-different-{what}", 422, title, detail, field="publishable_key")


def _fault(field: str, message: str) -> DomainError:
    return DomainError("invalid-stripe-key", 422, "This is not a usable Stripe key", f"{field} {message}.", field=field)
