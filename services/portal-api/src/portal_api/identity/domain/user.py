"""Users, their sessions and their personal access tokens."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

SESSION_LIFE = timedelta(days=14)
TOKEN_PREFIX = "pat_"
MAX_TOKEN_LIFE_DAYS = 366
FAILURE_WINDOW = timedelta(minutes=15)
MAX_FAILURES_PER_EMAIL = 10
MAX_FAILURES_PER_ADDRESS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A human who signs in: as a provider where they are a member, as a developer everywhere."""

    id: str
    email: str
    name: str
    locale: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser. Only the hash of its token is kept."""

    id: str
    user_id: str
    token_sha256: str
    created_at: datetime
    expires_at: datetime


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


def token_hash(token: str) -> str:
    """SHA-256 is enough: our tokens are random 256 bits, not passwords."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token_of(session_token: str) -> str:
    """The token that a page of ours can send and another site's page cannot know. Derived, so nothing is stored."""
    return hashlib.sha256(b"csrf:" + session_token.encode()).hexdigest()


def normalize_email(email: str) -> str:
    """One spelling per mailbox, as far as that is safe: the case is dropped."""
    return email.strip().lower()


def may_try_to_sign_in(failures_of_email: int, failures_of_address: int) -> bool:
    """Whether the recent failures leave room for another try."""
    return failures_of_email < MAX_FAILURES_PER_EMAIL and failures_of_address < MAX_FAILURES_PER_ADDRESS
