"""Sign in with a password. Opens its own transactions: none is held while a password is hashed."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.limits import SIGN_IN_PER_ACCOUNT, SIGN_IN_PER_ADDRESS
from portal_api.identity.domain.user import Origin, normalize_email
from portal_api.identity.ports import IdentityRepository, PasswordHasher
from portal_api.identity.use_cases.limiting import Limiter, too_many
from portal_api.identity.use_cases.sessions import Sessions, SignedIn
from shared.db.unit_of_work import UnitOfWork
from shared.errors import DomainError


def account_subject(email: str) -> str:
    """Under which name an account's failures are counted."""
    return f"sign-in:{email}"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The use case, with what it needs."""

    uow: UnitOfWork
    repository: IdentityRepository
    passwords: PasswordHasher
    sessions: Sessions
    limiter: Limiter

    async def with_password(self, *, email: str, password: str, origin: Origin) -> SignedIn:
        """A new session. A try is counted before the password is looked at: many at once are no way around."""
        email = normalize_email(email)
        address = f"sign-in-from:{origin.address}"
        async with self.uow.transaction() as session:
            limits = {account_subject(email): SIGN_IN_PER_ACCOUNT, address: SIGN_IN_PER_ADDRESS}
            opens = await self.limiter.opens_at(session, limits)
            found = await self.repository.user_by_email(session, email) if opens is None else None
        if opens is not None:
            raise too_many("too-many-sign-in-attempts", "Too many failed sign-ins", opens)
        matches = await self.passwords.matches(password, found[1] if found else None)
        if found is None or not matches:
            detail = "Check the e-mail address and the password, or ask for a new password by mail."
            raise DomainError("sign-in-failed", 401, "E-mail address or password is wrong", detail)
        async with self.uow.transaction() as session:
            await self.succeeded(session, email, address)
            return await self.sessions.open(session, found[0], origin)

    async def succeeded(self, session: AsyncSession, email: str, address: str) -> None:
        """The account starts anew; the network address only gets this try back, or one good account would open it."""
        await self.limiter.forget(session, account_subject(email))
        await self.limiter.take_back(session, address)
