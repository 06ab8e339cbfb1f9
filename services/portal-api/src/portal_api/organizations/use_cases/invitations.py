"""Invitations by mail. Whoever follows the link proves the mailbox; only that person can accept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import MAY, Actor, Role
from portal_api.identity.domain.limits import Quota
from portal_api.identity.domain.user import normalize_email, token_hash
from portal_api.identity.use_cases.email_proofs import EmailProofs, link_not_valid
from portal_api.identity.use_cases.users import Identity
from portal_api.mail.domain.mail import Mail
from portal_api.organizations.domain.invitation import LIFE, MAX_PENDING, Invitation
from portal_api.organizations.domain.organization import Member, Organization
from portal_api.organizations.ports import InvitationRepository, OrganizationRepository
from portal_api.organizations.use_cases.organizations import Organizations, not_found
from shared.clock import real_now
from shared.errors import DomainError
from shared.ids import new_id, new_secret

PER_ORGANIZATION = Quota(100, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Invitations:
    """The use cases, with what they need."""

    organizations: Organizations
    repository: OrganizationRepository
    invitations: InvitationRepository
    identity: Identity
    proofs: EmailProofs

    async def invite(
        self, session: AsyncSession, actor: Actor, organization: str, *, email: str, role: Role
    ) -> Invitation:
        """Send an invitation; an earlier one for the same address ends."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        if not actor.email_verified:
            detail = "Confirm your own e-mail address first: the link is in your mailbox, or ask for another mail."
            raise DomainError("email-not-verified", 403, "Your e-mail address is not confirmed", detail)
        email = normalize_email(email)
        if await self.repository.is_member(session, found.id, email):
            detail = "Somebody with this address has a role in the organization. Change that role instead."
            raise DomainError("already-a-member", 409, "Already a member", detail, "email")
        await self.invitations.revoke_pending(session, found.id, email)
        if await self.invitations.pending_count(session, found.id) >= MAX_PENDING:
            detail = f"{MAX_PENDING} invitations are open. Revoke some, or wait until they are accepted."
            raise DomainError("too-many-invitations", 409, "Too many open invitations", detail)
        await self.proofs.limiter.count(session, f"invitations:{found.id}", PER_ORGANIZATION)
        now, token = real_now(), new_secret()
        invitation = Invitation(
            id=new_id("inv"),
            organization_id=found.id,
            email=email,
            role=role,
            status="pending",
            token_sha256=token_hash(token),
            invited_by=actor.user_id,
            inviter_name=actor.name,
            created_at=now,
            expires_at=now + LIFE,
        )
        await self.invitations.add(session, invitation)
        await self._send(session, actor, found, invitation, token)
        return invitation

    async def listed(
        self, session: AsyncSession, actor: Actor, organization: str, *, limit: int, after: str | None
    ) -> Sequence[Invitation]:
        """Those that are pending, expired ones included: they can be sent again."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        return await self.invitations.pending(session, found.id, limit=limit, after=after)

    async def revoke(self, session: AsyncSession, actor: Actor, organization: str, invitation_id: str) -> None:
        """Its link opens nothing from now on."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        invitation = await self.invitations.find(session, invitation_id)
        if invitation is None or invitation.organization_id != found.id or invitation.status != "pending":
            raise not_found("invitation")
        await self.invitations.save(session, replace(invitation, status="revoked"))

    async def look_up(self, session: AsyncSession, token: str) -> tuple[Invitation, Organization]:
        """What the link offers, to whoever has it."""
        invitation = await self._open(session, token)
        return invitation, await self.organizations.find(session, invitation.organization_id)

    async def accept(self, session: AsyncSession, actor: Actor, token: str) -> tuple[Organization, Role]:
        """Become a member. The link came by mail, so it confirms the address as well."""
        invitation = await self._open(session, token, lock=True)
        if invitation.email != actor.email:
            detail = f"It is for {invitation.email}, and you are signed in as {actor.email}. Sign in as the other."
            raise DomainError("invitation-for-another", 403, "The invitation is for somebody else", detail)
        user = await self.proofs.mark_verified(session, await self.identity.me(session, actor))
        member = Member(
            organization_id=invitation.organization_id,
            user_id=user.id,
            role=invitation.role,
            created_at=real_now(),
            email=user.email,
            name=user.name,
        )
        if not await self.repository.add_member(session, member):
            detail = "You have a role in the organization already."
            raise DomainError("already-a-member", 409, "Already a member", detail)
        await self.invitations.save(session, replace(invitation, status="accepted"))
        return await self.organizations.find(session, invitation.organization_id), invitation.role

    async def decline(self, session: AsyncSession, token: str) -> None:
        """Its link opens nothing from now on."""
        invitation = await self._open(session, token, lock=True)
        await self.invitations.save(session, replace(invitation, status="declined"))

    async def _open(self, session: AsyncSession, token: str, *, lock: bool = False) -> Invitation:
        invitation = await self.invitations.by_token(session, token_hash(token), lock=lock)
        if invitation is None or not invitation.is_open(real_now()):
            raise link_not_valid()
        return invitation

    async def _send(
        self, session: AsyncSession, actor: Actor, organization: Organization, invitation: Invitation, token: str
    ) -> None:
        values = {
            "inviter": actor.name,
            "inviter_email": actor.email,
            "organization": organization.name,
            "role": invitation.role,
            "may": MAY[invitation.role],
            "email": invitation.email,
            "link": f"{self.proofs.public_url}/invitations/accept?token={token}",
            "until": f"{invitation.expires_at:%d %B %Y, %H:%M} UTC",
        }
        mail = Mail(kind="invitation", recipient=invitation.email, values=values, valid_until=invitation.expires_at)
        await self.proofs.mailer.post(session, mail)
