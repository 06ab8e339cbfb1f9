"""Sessions and personal access tokens: opened, recognized, listed, ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.user import (
    SESSION_LIFE,
    TOKEN_PREFIX,
    Origin,
    PersonalAccessToken,
    Scope,
    Session,
    User,
    csrf_token_of,
    token_hash,
)
from portal_api.identity.ports import CredentialRepository
from shared.clock import real_now
from shared.errors import DomainError
from shared.ids import new_id, new_secret

MAX_USER_AGENT = 300


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: the token goes into the cookie, the CSRF token to the page."""

    user: User
    session: Session
    token: str
    csrf_token: str


class Sessions:
    """Browsers."""

    def __init__(self, repository: CredentialRepository) -> None:
        self._repository = repository

    async def open(self, session: AsyncSession, user: User, origin: Origin) -> SignedIn:
        """A session for a user whose identity is proven."""
        token = new_secret()
        now = real_now()
        row = Session(
            id=new_id("session"),
            user_id=user.id,
            token_sha256=token_hash(token),
            created_at=now,
            expires_at=now + SESSION_LIFE,
            address=origin.address,
            user_agent=origin.user_agent[:MAX_USER_AGENT],
            last_used_at=now,
        )
        await self._repository.add_session(session, row)
        return SignedIn(user, row, token, csrf_token_of(token))

    async def actor(self, session: AsyncSession, token: str) -> Actor | None:
        """Who has this session cookie."""
        found = await self._repository.session_user(session, token_hash(token), real_now())
        if found is None:
            return None
        row, user = found
        return Actor(user.id, user.email, user.name, "session", row.id, user.email_verified)

    async def sign_out(self, session: AsyncSession, actor: Actor) -> None:
        """End the session that the request came with."""
        if actor.kind == "session":
            await self._repository.end_session(session, actor.user_id, actor.credential_id)

    async def list_mine(
        self, session: AsyncSession, actor: Actor, *, limit: int, after: str | None
    ) -> Sequence[Session]:
        """Where the actor is signed in."""
        return await self._repository.sessions(session, actor.user_id, real_now(), limit=limit, after=after)

    async def end(self, session: AsyncSession, actor: Actor, session_id: str) -> None:
        """Sign one browser out."""
        if not await self._repository.end_session(session, actor.user_id, session_id):
            detail = "You have no session with this id, or it is over. List your sessions to see which there are."
            raise DomainError("session-not-found", 404, "No such session", detail)

    async def end_all(self, session: AsyncSession, actor: Actor, *, keep_this: bool) -> None:
        """Sign out everywhere, here too unless `keep_this`."""
        kept = actor.credential_id if keep_this and actor.kind == "session" else None
        await self._repository.end_sessions(session, actor.user_id, keep=kept)


class AccessTokens:
    """Programs."""

    def __init__(self, repository: CredentialRepository) -> None:
        self._repository = repository

    async def create(
        self, session: AsyncSession, actor: Actor, *, name: str, expires_in_days: int, scopes: Sequence[Scope]
    ) -> tuple[PersonalAccessToken, str]:
        """A token with its only appearance in clear. A token makes no tokens: a stolen one ends with its own date."""
        if actor.kind != "session":
            detail = "Personal access tokens are made by a person: sign in with a browser's session."
            raise DomainError("session-required", 403, "Sign in with a session for this", detail)
        token = TOKEN_PREFIX + new_secret()
        now = real_now()
        row = PersonalAccessToken(
            id=new_id("patid"),
            user_id=actor.user_id,
            name=name,
            hint=token[-4:],
            token_sha256=token_hash(token),
            created_at=now,
            expires_at=now + timedelta(days=expires_in_days),
            scopes=tuple(scopes),
        )
        await self._repository.add_token(session, row)
        return row, token

    async def actor(self, session: AsyncSession, token: str) -> Actor | None:
        """Who has this personal access token."""
        found = await self._repository.token_user(session, token_hash(token), real_now())
        if found is None:
            return None
        row, user = found
        return Actor(user.id, user.email, user.name, "personal_access_token", row.id, user.email_verified, row.scopes)

    async def list_mine(
        self, session: AsyncSession, actor: Actor, *, limit: int, after: str | None
    ) -> Sequence[PersonalAccessToken]:
        """The actor's own tokens."""
        return await self._repository.tokens(session, actor.user_id, limit=limit, after=after)

    async def revoke(self, session: AsyncSession, actor: Actor, token_id: str) -> None:
        """From now on it opens nothing."""
        if not await self._repository.remove_token(session, actor.user_id, token_id):
            detail = "You have no personal access token with this id. List them to see which there are."
            raise DomainError("personal-access-token-not-found", 404, "No such personal access token", detail)
