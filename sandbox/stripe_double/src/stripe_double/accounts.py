"""Accounts and their keys: both keys carry `5` and the 16 characters of the account's id, as Stripe's do."""

import dataclasses
import json
import sqlite3
from collections.abc import Iterable

from stripe_double.errors import StripeError
from stripe_double.ids import random_text
from stripe_double.store import Object, Store

DEFAULT_ACCOUNT = "acct_1DefaultAccount0"


def _account_object(account_id: str, now: float) -> Object:
    return {
        "id": account_id,
        "object": "account",
        "business_profile": {"name": "Stripe double", "support_email": None, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "created": int(now),
        "default_currency": "usd",
        "details_submitted": True,
        "email": "provider@example.test",
        "metadata": {},
        "payouts_enabled": True,
        "requirements": {
            "alternatives": [],
            "current_deadline": None,
            "currently_due": [],
            "disabled_reason": None,
            "errors": [],
            "eventually_due": [],
            "past_due": [],
            "pending_verification": [],
        },
        "settings": {"dashboard": {"display_name": "Stripe double", "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def _keys(account_id: str, random: str) -> tuple[str, str]:
    fragment = "5" + account_id.removeprefix("acct_")
    return f"sk_test_{fragment}{random}", f"pk_test_{fragment}{random}"


def create_account(store: Store, now: float, account_id: str | None = None, random: str | None = None) -> Object:
    """A new account with its two keys."""
    account_id = account_id or "acct_1" + random_text(15)
    secret_key, publishable_key = _keys(account_id, random or random_text(50))
    account = _account_object(account_id, now)
    store.db.execute(
        "INSERT INTO accounts VALUES (?, ?, ?, ?)", (account_id, secret_key, publishable_key, json.dumps(account))
    )
    return {"account": account_id, "secret_key": secret_key, "publishable_key": publishable_key}


def default_account(store: Store, now: float) -> Object:
    """The account that is always there, with keys that never change."""
    row = store.db.execute("SELECT * FROM accounts WHERE id = ?", (DEFAULT_ACCOUNT,)).fetchone()
    if row is None:
        return create_account(store, now, DEFAULT_ACCOUNT, "0" * 50)
    return {"account": row["id"], "secret_key": row["secret_key"], "publishable_key": row["publishable_key"]}


def load_account(store: Store, account_id: str) -> Object:
    """An account's object, hidden settings included."""
    row = store.db.execute("SELECT data FROM accounts WHERE id = ?", (account_id,)).fetchone()
    if row is None:
        raise StripeError(404, f"No such account: {account_id!r}", code="resource_missing", param="account")
    account: Object = json.loads(row["data"])
    return account


def save_account(store: Store, account: Object) -> None:
    """Keep a changed account."""
    store.db.execute("UPDATE accounts SET data = ? WHERE id = ?", (json.dumps(account), account["id"]))


def _masked(key: str) -> str:
    return key if len(key) < 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Whose key a request carries, and what it may do. `permissions` None: everything."""

    account: Object
    publishable: bool
    permissions: frozenset[str] | None
    masked_key: str


def create_restricted_key(store: Store, account_id: str, permissions: Iterable[str], random: str | None = None) -> str:
    """A further secret key that may do only this."""
    key = f"rk_test_5{account_id.removeprefix('acct_')}{random or random_text(50)}"
    store.db.execute("INSERT INTO restricted_keys VALUES (?, ?, ?)", (key, account_id, json.dumps(sorted(permissions))))
    return key


def roll_keys(store: Store, account_id: str) -> Object:
    """New keys for an account; the old ones are expired from now on."""
    row = store.db.execute("SELECT * FROM accounts WHERE id = ?", (account_id,)).fetchone()
    for key in (row["secret_key"], row["publishable_key"]):
        store.db.execute("INSERT OR IGNORE INTO expired_keys VALUES (?)", (key,))
    secret_key, publishable_key = _keys(account_id, random_text(50))
    store.db.execute(
        "UPDATE accounts SET secret_key = ?, publishable_key = ? WHERE id = ?",
        (secret_key, publishable_key, account_id),
    )
    return {"account": account_id, "secret_key": secret_key, "publishable_key": publishable_key}


def expire_restricted_key(store: Store, key: str) -> None:
    """As if somebody had deleted it in the Dashboard."""
    store.db.execute("DELETE FROM restricted_keys WHERE key = ?", (key,))
    store.db.execute("INSERT OR IGNORE INTO expired_keys VALUES (?)", (key,))


def authenticate(store: Store, key: str | None) -> Caller:
    """Who calls. Else Stripe's 401."""
    if not key:
        raise StripeError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer"
            " auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            stored=False,
        )
    row: sqlite3.Row | None = store.db.execute(
        "SELECT data, publishable_key = ?1 AS publishable FROM accounts WHERE secret_key = ?1 OR publishable_key = ?1",
        (key,),
    ).fetchone()
    if row is not None:
        return Caller(json.loads(row["data"]), bool(row["publishable"]), None, _masked(key))
    restricted = store.db.execute("SELECT * FROM restricted_keys WHERE key = ?", (key,)).fetchone()
    if restricted is not None:
        permissions = frozenset(json.loads(restricted["permissions"]))
        return Caller(load_account(store, restricted["account"]), False, permissions, _masked(key))
    if store.db.execute("SELECT 1 FROM expired_keys WHERE key = ?", (key,)).fetchone():
        raise StripeError(401, f"Expired API Key provided: {_masked(key)}", code="api_key_expired", stored=False)
    raise StripeError(401, f"Invalid API Key provided: {_masked(key)}", stored=False)
