"""What identity does. Every function runs in the caller's transaction; time is real time, as it is security's."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.password import password_fault
from portal_api.identity.domain.user import (
    FAILURE_WINDOW,
    SESSION_LIFE,
    TOKEN_PREFIX,
    PersonalAccessToken,
    Session,
    User,
    csrf_token_of,
    may_try_to_sign_in,
    normalize_email,
    token_hash,
)
from portal_api.identity.ports import IdentityRepository, PasswordHasher, Publisher
from shared.clock import real_now
from shared.errors import DomainError
from shared.events.identity import DeveloperState
from shared.events.topics import IDENTITY_DEVELOPERS
from shared.ids import new_id, new_secret


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: the token goes into the cookie, the CSRF token to the page."""

    user: User
    session: Session
    token: str
    csrf_token: str


@dataclass(frozen=True, slots=True)
class SignInRefused:
    """A sign-in that failed. A value, not an error: the count of failures must be committed."""

    error: DomainError


class Identity:
    """Users, sessions and personal access tokens."""

    def __init__(self, repository: IdentityRepository, passwords: PasswordHasher, publisher: Publisher) -> None:
        self._repository = repository
        self._passwords = passwords
        self._publisher = publisher

    async def sign_up(self, session: AsyncSession, *, email: str, password: str, name: str) -> User:
        """A new user; billing learns of them as a possible developer."""
        email = normalize_email(email)
        fault = password_fault(password, email=email, name=name)
        if fault is not None:
            raise DomainError("password-too-weak", 422, "The password is not good enough", fault, "password")
        user = User(id=new_id("user"), email=email, name=name.strip(), locale="en", created_at=real_now())
        if not await self._repository.add_user(session, user, await self._passwords.hash(password)):
            detail = "Sign in with it, or use another address."
            raise DomainError("email-taken", 409, "This e-mail address has an account", detail, "email")
        await self._publish(session, user)
        return user

    async def republish_developers(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Publish the next users as they are; their ids."""
        users = await self._repository.lock_users(session, after=after, limit=limit)
        for user in users:
            await self._publish(session, user)
        return [user.id for user in users]

    async def sign_in(
        self, session: AsyncSession, *, email: str, password: str, address: str
    ) -> SignedIn | SignInRefused:
        """Open a session. Failures are counted per e-mail address and per network address."""
        now = real_now()
        email = normalize_email(email)
        subjects = [f"email:{email}", f"address:{address}"]
        counts = [await self._repository.failures(session, subject, now - FAILURE_WINDOW) for subject in subjects]
        if not may_try_to_sign_in(*counts):
            detail = f"Wait {FAILURE_WINDOW // timedelta(minutes=1)} minutes, then try again."
            return SignInRefused(DomainError("too-many-sign-in-attempts", 429, "Too many failed sign-ins", detail))
        found = await self._repository.user_by_email(session, email)
        matches = await self._passwords.matches(password, found[1] if found else None)
        if found is None or not matches:
            await self._repository.add_failures(session, subjects, now)
            detail = "Check the e-mail address and the password, or create an account."
            return SignInRefused(DomainError("sign-in-failed", 401, "E-mail address or password is wrong", detail))
        return await self.open_session(session, found[0])

    async def open_session(self, session: AsyncSession, user: User) -> SignedIn:
        """A session for a user whose identity is proven."""
        token = new_secret()
        now = real_now()
        row = Session(
            id=new_id("session"),
            user_id=user.id,
            token_sha256=token_hash(token),
            created_at=now,
            expires_at=now + SESSION_LIFE,
        )
        await self._repository.add_session(session, row)
        return SignedIn(user, row, token, csrf_token_of(token))

    async def sign_out(self, session: AsyncSession, actor: Actor) -> None:
        """End the session that the request came with."""
        if actor.kind == "session":
            await self._repository.end_session(session, actor.credential_id)

    async def me(self, session: AsyncSession, actor: Actor) -> User:
        """The user behind the request."""
        user = await self._repository.user(session, actor.user_id)
        if user is None:
            raise DomainError("user-not-found", 404, "No such user", "The user was deleted.")
        return user

    async def user_by_email(self, session: AsyncSession, email: str) -> User | None:
        """For adding members."""
        found = await self._repository.user_by_email(session, normalize_email(email))
        return found[0] if found else None

    async def create_token(
        self, session: AsyncSession, actor: Actor, *, name: str, expires_in_days: int
    ) -> tuple[PersonalAccessToken, str]:
        """A token with its only appearance in clear."""
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
        )
        await self._repository.add_token(session, row)
        return row, token

    async def list_tokens(
        self, session: AsyncSession, actor: Actor, *, limit: int, after: str | None
    ) -> list[PersonalAccessToken]:
        """The actor's own tokens."""
        return await self._repository.tokens(session, actor.user_id, limit=limit, after=after)

    async def delete_token(self, session: AsyncSession, actor: Actor, token_id: str) -> None:
        """From now on it opens nothing."""
        if not await self._repository.remove_token(session, actor.user_id, token_id):
            detail = "You have no personal access token with this id. List them to see which there are."
            raise DomainError("personal-access-token-not-found", 404, "No such personal access token", detail)

    async def actor_of_session(self, session: AsyncSession, token: str) -> Actor | None:
        """Who has this session cookie."""
        found = await self._repository.session_user(session, token_hash(token), real_now())
        if found is None:
            return None
        return Actor(found[1].id, found[1].email, found[1].name, "session", found[0].id)

    async def actor_of_token(self, session: AsyncSession, token: str) -> Actor | None:
        """Who has this personal access token."""
        found = await self._repository.token_user(session, token_hash(token), real_now())
        if found is None:
            return None
        return Actor(found[1].id, found[1].email, found[1].name, "personal_access_token", found[0].id)

    async def _publish(self, session: AsyncSession, user: User) -> None:
        # Users never change yet: with the first change of a name or address this version becomes a column.
        state = DeveloperState(version=1, developer_id=user.id, email=user.email, name=user.name, locale=user.locale)
        await self._publisher.publish(session, IDENTITY_DEVELOPERS, user.id, state)
