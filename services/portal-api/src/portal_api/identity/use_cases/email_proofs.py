"""Links by mail: confirm an address, choose a new password, change the address.

Answers are the same whether an account exists or not; what differs goes to the mailbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.limits import MAILS_PER_ACCOUNT, MAILS_PER_ADDRESS, TOKENS_PER_ADDRESS
from portal_api.identity.domain.one_time_token import LIFE, OneTimeToken, Purpose
from portal_api.identity.domain.user import Origin, User, normalize_email, token_hash
from portal_api.identity.ports import IdentityRepository, ProofRepository
from portal_api.identity.use_cases.limiting import Limiter, too_many
from portal_api.mail.domain.mail import Kind, Mail
from portal_api.mail.use_cases import Mailer
from shared.clock import real_now
from shared.errors import DomainError
from shared.ids import new_secret

# The values with which a mail shows the portal from which it was asked for (`Branding.mail_values`).
Looks = Mapping[str, str]
NO_LOOKS: Looks = MappingProxyType({})
_PATHS: dict[Purpose, str] = {
    "verify_email": "verify-email",
    "change_email": "verify-email",
    "reset_password": "reset-password",
}


def link_not_valid() -> DomainError:
    """One answer for every link that opens nothing."""
    detail = "It was used, has expired, or a newer one was sent. Ask for another mail."
    return DomainError("link-not-valid", 422, "This link is not valid", detail, "token")


@dataclass(frozen=True, slots=True)
class EmailProofs:
    """The use cases, with what they need."""

    users: IdentityRepository
    proofs: ProofRepository
    mailer: Mailer
    limiter: Limiter
    public_url: str

    async def send_verification(self, session: AsyncSession, user: User, looks: Looks = NO_LOOKS) -> None:
        """The mail that asks for a confirmation."""
        await self._send(session, user, "verify_email", user.email, looks)

    async def send_reset(self, session: AsyncSession, user: User, looks: Looks = NO_LOOKS) -> None:
        """The mail with which a new password is chosen."""
        await self._send(session, user, "reset_password", user.email, looks)

    async def send_change(self, session: AsyncSession, user: User, email: str) -> None:
        """To the new address: whoever reads it confirms."""
        await self._send(session, user, "change_email", email)

    async def request_verification(self, session: AsyncSession, actor: Actor) -> None:
        """Once more, for a user who is signed in."""
        user = await self.users.user(session, actor.user_id)
        if user is None or user.email_verified:
            return
        await self.limit_mails(session, user.email)
        await self.send_verification(session, user)

    async def request_reset(
        self, session: AsyncSession, *, email: str, origin: Origin, looks: Looks = NO_LOOKS
    ) -> None:
        """Whoever has the mailbox gets a link, or learns that there is no account."""
        email = normalize_email(email)
        await self.limiter.count(session, f"mail-from:{origin.address}", MAILS_PER_ADDRESS)
        # Silently: a refusal here would tell a stranger something, and the mails sent before still work.
        if await self.limiter.opens_at(session, {f"mail:{email}": MAILS_PER_ACCOUNT}) is not None:
            return
        found = await self.users.user_by_email(session, email)
        if found is not None:
            await self.send_reset(session, found[0], looks)
        else:
            values = {**looks, "email": email, "link": f"{self.public_url}/sign-up"}
            await self.notify(session, "no_account", email, values)

    async def verify(self, session: AsyncSession, *, token: str) -> tuple[User, bool]:
        """The address is proven; a new one becomes the user's. The user, and whether the address is another now."""
        row = await self.take(session, token, ("verify_email", "change_email"))
        user = await self.users.user(session, row.user_id, lock=True)
        if user is None or (row.purpose == "verify_email" and user.email != row.email):
            raise link_not_valid()
        if row.purpose == "change_email":
            return await self._change_email(session, user, row.email), True
        return await self.mark_verified(session, user), False

    async def mark_verified(self, session: AsyncSession, user: User) -> User:
        """Somebody proved to read the user's mailbox."""
        if user.email_verified:
            return user
        user = replace(user, email_verified_at=real_now())
        await self.users.save_user(session, user)
        return user

    async def take(self, session: AsyncSession, token: str, purposes: tuple[Purpose, ...]) -> OneTimeToken:
        """Use a link up, and with it the others of its kind."""
        row = await self.proofs.take(session, token_hash(token), real_now())
        if row is None or row.purpose not in purposes:
            raise link_not_valid()
        await self.proofs.forget(session, row.user_id, row.purpose)
        return row

    async def limit_tokens(self, session: AsyncSession, origin: Origin) -> None:
        """Count a link that somebody follows, in a transaction of its own; refuse when there are too many."""
        opens = await self.limiter.opens_at(session, {f"link-from:{origin.address}": TOKENS_PER_ADDRESS})
        if opens is not None:
            raise too_many("too-many-requests", "Too many links tried", opens)

    async def was_good(self, session: AsyncSession, origin: Origin) -> None:
        """A link that opened something was no guess: behind one address there may be a whole company."""
        await self.limiter.take_back(session, f"link-from:{origin.address}")

    async def limit_mails(self, session: AsyncSession, email: str) -> None:
        """Count a mail that somebody causes for an account, or refuse it."""
        await self.limiter.count(session, f"mail:{email}", MAILS_PER_ACCOUNT)

    async def notify(self, session: AsyncSession, kind: Kind, recipient: str, values: dict[str, str]) -> None:
        """A mail without a secret."""
        valid_until = real_now() + LIFE["verify_email"]
        await self.mailer.post(session, Mail(kind=kind, recipient=recipient, values=values, valid_until=valid_until))

    async def _change_email(self, session: AsyncSession, user: User, email: str) -> User:
        changed = replace(user, email=email, email_verified_at=real_now(), state_version=user.state_version + 1)
        if not await self.users.save_user(session, changed):
            raise link_not_valid()
        await self.notify(
            session, "email_changed", user.email, {"name": user.name, "email": user.email, "new_email": email}
        )
        return changed

    async def _send(
        self, session: AsyncSession, user: User, purpose: Purpose, email: str, looks: Looks = NO_LOOKS
    ) -> None:
        now, token = real_now(), new_secret()
        row = OneTimeToken(
            token_sha256=token_hash(token),
            purpose=purpose,
            user_id=user.id,
            email=email,
            created_at=now,
            expires_at=now + LIFE[purpose],
        )
        # Only the newest link works.
        await self.proofs.forget(session, user.id, purpose)
        await self.proofs.add(session, row)
        values = {
            **looks,
            "name": user.name,
            "email": email,
            "link": f"{self.public_url}/{_PATHS[purpose]}?token={token}",
            "until": f"{row.expires_at:%d %B %Y, %H:%M} UTC",
        }
        await self.mailer.post(session, Mail(kind=purpose, recipient=email, values=values, valid_until=row.expires_at))
