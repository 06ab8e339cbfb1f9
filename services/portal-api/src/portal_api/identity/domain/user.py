"""Users, their sessions and their personal access tokens."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

SESSION_LIFE = timedelta(days=14)
TOKEN_PREFIX = "pat_"
MAX_TOKEN_LIFE_DAYS = 366
# How exact "last used" is: a busy token is written once in this time, not with every request.
USE_NOTED_EVERY = timedelta(minutes=1)

Scope = Literal["read", "write"]
SCOPES: tuple[Scope, ...] = ("read", "write")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A human who signs in: as a provider where they are a member, as a developer everywhere."""

    id: str
    email: str
    name: str
    locale: str
    created_at: datetime
    email_verified_at: datetime | None = None
    state_version: int = 1

    @property
    def email_verified(self) -> bool:
        """Whether they have proven to read the mailbox."""
        return self.email_verified_at is not None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from, as far as its connection says."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser. Only the hash of its token is kept."""

    id: str
    user_id: str
    token_sha256: str
    created_at: datetime
    expires_at: datetime
    address: str = ""
    user_agent: str = ""
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalAccessToken:
    """A program's way to act as its user. `hint` shows which one it is; the token itself is shown once."""

    id: str
    user_id: str
    name: str
    hint: str
    token_sha256: str
    created_at: datetime
    expires_at: datetime
    scopes: tuple[Scope, ...] = SCOPES
    last_used_at: datetime | None = None


def token_hash(token: str) -> str:
    """SHA-256 is enough: our tokens are random 256 bits, not passwords."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token_of(session_token: str) -> str:
    """The token that a page of ours can send and another site's page cannot know. Derived, so nothing is stored."""
    return hashlib.sha256(b"csrf:" + session_token.encode()).hexdigest()


def normalize_email(email: str) -> str:
    """One spelling per mailbox, as far as that is safe: the case is dropped."""
    return email.strip().lower()
