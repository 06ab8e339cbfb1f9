"""Passwords: reset by mail, changed by who knows the old one. Opens its own transactions, as signing in does."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.limits import SIGN_IN_PER_ACCOUNT
from portal_api.identity.domain.user import Origin, User, normalize_email
from portal_api.identity.ports import CredentialRepository, IdentityRepository, PasswordHasher
from portal_api.identity.use_cases.email_proofs import EmailProofs, link_not_valid
from portal_api.identity.use_cases.limiting import too_many
from portal_api.identity.use_cases.signing_in import account_subject
from portal_api.identity.use_cases.users import Identity, check_password
from shared.clock import real_now
from shared.db.unit_of_work import UnitOfWork
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class Passwords:
    """The use cases, with what they need."""

    uow: UnitOfWork
    users: IdentityRepository
    credentials: CredentialRepository
    hasher: PasswordHasher
    proofs: EmailProofs
    identity: Identity

    async def reset(self, *, token: str, password: str, origin: Origin, revoke_tokens: bool = False) -> User:
        """Choose a new password with a link from a mail. Proves the address, and ends every session.

        Personal access tokens stay, unless wished or where the address was never proven: then whoever made them may
        be somebody else.
        """
        async with self.uow.transaction() as session:
            await self.proofs.limit_tokens(session, origin)
        async with self.uow.transaction() as session:
            row = await self.proofs.take(session, token, ("reset_password",))
            user = await self.users.user(session, row.user_id, lock=True)
            if user is None or user.email != row.email:
                raise link_not_valid()
            # A refused password leaves the link as it was: the transaction rolls back.
            check_password(password, email=user.email, name=user.name)
            await self.users.set_password(session, user.id, await self.hasher.hash(password))
            await self.credentials.end_sessions(session, user.id, keep=None)
            if revoke_tokens or not user.email_verified:
                await self.credentials.remove_tokens(session, user.id)
            await self.proofs.limiter.forget(session, account_subject(user.email))
            user = await self.proofs.mark_verified(session, user)
            await self.proofs.was_good(session, origin)
            await self._tell(session, user, origin)
        return user

    async def change(self, actor: Actor, *, current: str | None, new: str, origin: Origin) -> None:
        """A new password for who knows the old one; other sessions end. Who never had one asks for a mail."""
        user = await self._proven(actor, current, field="current_password")
        check_password(new, email=user.email, name=user.name)
        hashed = await self.hasher.hash(new)
        async with self.uow.transaction() as session:
            await self.users.set_password(session, user.id, hashed)
            kept = actor.credential_id if actor.kind == "session" else None
            await self.credentials.end_sessions(session, user.id, keep=kept)
            await self._tell(session, user, origin)

    async def request_email_change(self, actor: Actor, *, email: str, password: str | None) -> None:
        """A mail to the new address; the old one stays until somebody reads it there."""
        user = await self._proven(actor, password, field="password")
        email = normalize_email(email)
        async with self.uow.transaction() as session:
            await self.proofs.limit_mails(session, user.email)
            if email != user.email and await self.users.user_by_email(session, email) is None:
                await self.proofs.send_change(session, user, email)

    async def verify_email(self, *, token: str, origin: Origin) -> User:
        """Follow a confirmation link; billing hears of a changed address."""
        async with self.uow.transaction() as session:
            await self.proofs.limit_tokens(session, origin)
        async with self.uow.transaction() as session:
            user, is_another_address = await self.proofs.verify(session, token=token)
            await self.proofs.was_good(session, origin)
            if is_another_address:
                await self.identity.publish(session, user)
        return user

    async def _proven(self, actor: Actor, password: str | None, *, field: str) -> User:
        """The user, if they know their password; guesses count as failed sign-ins."""
        async with self.uow.transaction() as session:
            user = await self.identity.me(session, actor)
            opens = await self.proofs.limiter.opens_at(session, {account_subject(user.email): SIGN_IN_PER_ACCOUNT})
            found = await self.users.user_by_email(session, user.email)
        if opens is not None:
            raise too_many("too-many-sign-in-attempts", "Too many wrong passwords", opens)
        known = found[1] if found else None
        if known is None:
            detail = "Your account has no password yet. Ask for one by mail (`Forgot your password?`)."
            raise DomainError("no-password", 409, "The account has no password", detail, field)
        if password is None or not await self.hasher.matches(password, known):
            raise DomainError("password-wrong", 403, "The password is wrong", "Enter your present password.", field)
        async with self.uow.transaction() as session:
            await self.proofs.limiter.forget(session, account_subject(user.email))
        return user

    async def _tell(self, session: AsyncSession, user: User, origin: Origin) -> None:
        values = {
            "name": user.name,
            "email": user.email,
            "at": f"{real_now():%d %B %Y, %H:%M} UTC",
            "address": origin.address,
            "link": f"{self.proofs.public_url}/forgot-password",
        }
        await self.proofs.notify(session, "password_changed", user.email, values)
