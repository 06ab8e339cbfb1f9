"""Accounts: made, looked at, renamed."""

from dataclasses import replace
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.limits import Quota
from portal_api.identity.domain.password import password_fault
from portal_api.identity.domain.user import Origin, User, normalize_email
from portal_api.identity.ports import IdentityRepository, PasswordHasher, Publisher
from portal_api.identity.use_cases.email_proofs import NO_LOOKS, EmailProofs, Looks
from portal_api.identity.use_cases.limiting import Limiter
from shared.clock import real_now
from shared.errors import DomainError
from shared.events.identity import DeveloperState
from shared.events.topics import IDENTITY_DEVELOPERS
from shared.ids import new_id


def check_password(password: str, *, email: str, name: str) -> None:
    """Refuse what is too weak."""
    fault = password_fault(password, email=email, name=name)
    if fault is not None:
        raise DomainError("password-too-weak", 422, "The password is not good enough", fault, "password")


class Identity:
    """Users."""

    def __init__(
        self,
        repository: IdentityRepository,
        passwords: PasswordHasher,
        publisher: Publisher,
        proofs: EmailProofs,
        limiter: Limiter,
        *,
        sign_ups_per_hour: int,
    ) -> None:
        self._repository = repository
        self._passwords = passwords
        self._publisher = publisher
        self._proofs = proofs
        self._limiter = limiter
        self._sign_ups = Quota(sign_ups_per_hour, timedelta(hours=1))

    async def admit_sign_up(self, session: AsyncSession, origin: Origin) -> None:
        """Count a sign-up of a network address, in a transaction of its own: one that fails counts too."""
        await self._limiter.count(session, f"sign-up:{origin.address}", self._sign_ups)

    async def sign_up(
        self, session: AsyncSession, *, email: str, password: str, name: str, looks: Looks = NO_LOOKS
    ) -> User:
        """A new user, asked by mail to confirm the address; billing learns of them as a possible developer."""
        check_password(password, email=email, name=name)
        user = self.new_user(email=email, name=name, verified=False)
        if not await self._repository.add_user(session, user, await self._passwords.hash(password)):
            detail = "Sign in with it, or use another address."
            raise DomainError("email-taken", 409, "This e-mail address has an account", detail, "email")
        await self.publish(session, user)
        await self._proofs.send_verification(session, user, looks)
        return user

    @staticmethod
    def new_user(*, email: str, name: str, verified: bool) -> User:
        """Not stored yet."""
        now, email = real_now(), normalize_email(email)
        return User(
            id=new_id("user"),
            email=email,
            name=name.strip() or email.partition("@")[0],
            locale="en",
            created_at=now,
            email_verified_at=now if verified else None,
        )

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

    async def rename(self, session: AsyncSession, actor: Actor, name: str) -> User:
        """Invoices of the future carry the new name: billing hears of it."""
        user = await self._repository.user(session, actor.user_id, lock=True)
        if user is None:
            raise DomainError("user-not-found", 404, "No such user", "The user was deleted.")
        if user.name == name.strip():
            return user
        user = replace(user, name=name.strip(), state_version=user.state_version + 1)
        await self._repository.save_user(session, user)
        await self.publish(session, user)
        return user

    async def republish_developers(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Publish the next users as they are; their ids."""
        users = await self._repository.lock_users(session, after=after, limit=limit)
        for user in users:
            await self.publish(session, user)
        return [user.id for user in users]

    async def publish(self, session: AsyncSession, user: User) -> None:
        """What billing needs to know of a developer."""
        state = DeveloperState(
            version=user.state_version, developer_id=user.id, email=user.email, name=user.name, locale=user.locale
        )
        await self._publisher.publish(session, IDENTITY_DEVELOPERS, user.id, state)
