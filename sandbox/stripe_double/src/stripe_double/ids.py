"""Ids in Stripe's form: a prefix and letters and digits."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    """Letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(prefix: str, length: int = 24) -> str:
    """E.g. `cus_...`."""
    return f"{prefix}_{random_text(length)}"
