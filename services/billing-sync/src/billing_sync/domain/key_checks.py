"""What two Stripe keys say about themselves, before anybody asks Stripe."""

import re
from dataclasses import dataclass
from typing import Literal

_SECRET = re.compile(r"(sk|rk)_(test|live)_([A-Za-z0-9_]{8,247})")
_PUBLISHABLE = re.compile(r"(pk)_(test|live)_([A-Za-z0-9_]{8,247})")
_FRAGMENT = re.compile(r"5([A-Za-z0-9]{16})")


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """Why keys are refused: a problem type's name and a sentence that says what to do."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """Kind, mode and, where the key carries one, the account's 16 characters (old keys have none)."""

    kind: Literal["secret", "restricted", "publishable"]
    livemode: bool
    fragment: str | None


def parse_key(key: str) -> ParsedKey | None:
    """Read a key's own words; None when it is no Stripe API key."""
    match = _SECRET.fullmatch(key) or _PUBLISHABLE.fullmatch(key)
    if match is None:
        return None
    fragment = _FRAGMENT.match(match.group(3))
    kinds: dict[str, Literal["secret", "restricted", "publishable"]] = {
        "sk": "secret",
        "rk": "restricted",
        "pk": "publishable",
    }
    return ParsedKey(kinds[match.group(1)], match.group(2) == "live", fragment.group(1) if fragment else None)


def check_pair(secret_key: str, publishable_key: str) -> KeyProblem | None:
    """Both keys are of the right kind, of one mode and, as far as they tell, of one account."""
    secret, publishable = parse_key(secret_key), parse_key(publishable_key)
    if secret is None or secret.kind == "publishable":
        return KeyProblem(
            "stripe-key-invalid", "The secret key must start with sk_test_, sk_live_, rk_test_ or rk_live_."
        )
    if publishable is None or publishable.kind != "publishable":
        return KeyProblem("stripe-key-invalid", "The publishable key must start with pk_test_ or pk_live_.")
    if secret.livemode != publishable.livemode:
        return KeyProblem(
            "stripe-keys-different-modes",
            "One key is of test mode, the other of live mode: copy both from the same page of Stripe's dashboard.",
        )
    if secret.fragment and publishable.fragment and secret.fragment != publishable.fragment:
        return different_accounts()
    return None


def different_accounts() -> KeyProblem:
    """Two keys that belong to two Stripe accounts."""
    return KeyProblem(
        "stripe-keys-different-accounts",
        "The two keys belong to different Stripe accounts: copy both from the same account's API keys page.",
    )


def account_in_text(text: str) -> str | None:
    """The account that Stripe's refusal of a restricted key names."""
    match = re.search(r"acct_[A-Za-z0-9]+", text)
    return match.group(0) if match else None
