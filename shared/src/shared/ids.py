"""Ids as Stripe makes them: a prefix that says what it is and a sortable ULID; and secrets."""

import secrets

from ulid import ULID


def new_id(prefix: str) -> str:
    """For example `sub_01KB3...`. Prefixes: contracts.md."""
    return f"{prefix}_{ULID()}"


def new_secret(size_bytes: int = 32) -> str:
    """A random secret, URL-safe; 32 bytes = 256 bits."""
    return secrets.token_urlsafe(size_bytes)
