"""Choosing how an organization's Developer Portal looks, and showing it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor
from portal_api.organizations.domain.branding import (
    PAGES,
    Branding,
    Faults,
    Logo,
    PageName,
    checked_colour,
    checked_name,
    checked_page,
)
from portal_api.organizations.domain.colours import DARK, LIGHT
from portal_api.organizations.domain.organization import Organization
from portal_api.organizations.ports import BrandingRepository, LogoMaker
from portal_api.organizations.use_cases.organizations import Organizations, not_found
from shared.clock import real_now


@dataclass(frozen=True, slots=True)
class Brandings:
    """The use cases, with what they need."""

    organizations: Organizations
    repository: BrandingRepository
    logos: LogoMaker

    async def read(self, session: AsyncSession, actor: Actor, organization: str) -> Branding:
        """For members."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        return await self.repository.find(session, found.id)

    async def read_pages(self, session: AsyncSession, actor: Actor, organization: str) -> Mapping[PageName, str]:
        """The Markdown of all pages, for members; empty where there is none."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        return {page: await self.repository.page(session, found.id, page) or "" for page in PAGES}

    async def change(
        self,
        session: AsyncSession,
        actor: Actor,
        organization: str,
        *,
        portal_name: str | None,
        accent_light: str | None,
        accent_dark: str | None,
    ) -> Branding:
        """Name and accents; None for Tollway's own. Raises DomainError naming every field at fault."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        faults = Faults()
        name = checked_name(portal_name, faults)
        light = checked_colour(accent_light, LIGHT, "accent_light", faults)
        dark = checked_colour(accent_dark, DARK, "accent_dark", faults)
        faults.check()
        branding = await self.repository.find(session, found.id)
        changed = replace(branding, portal_name=name, accent_light=light, accent_dark=dark)
        return await self._save(session, branding, changed)

    async def set_logo(self, session: AsyncSession, actor: Actor, organization: str, content: bytes | None) -> Branding:
        """Written anew from what was uploaded; None takes it away."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        logo = None if content is None else await self.logos.make(content)
        branding = await self.repository.find(session, found.id)
        await self.repository.save_logo(session, found.id, logo)
        return await self._save(session, branding, replace(branding, logo_sha256=logo.sha256 if logo else None))

    async def write_page(
        self, session: AsyncSession, actor: Actor, organization: str, page: PageName, markdown: str
    ) -> Branding:
        """A page of the portal; an empty text takes it away."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        await self.repository.save_page(session, found.id, page, checked_page(markdown), real_now())
        return await self.repository.find(session, found.id)

    async def of_portal(self, session: AsyncSession, organization_id: str) -> Branding:
        """For everybody: portals are public."""
        return await self.repository.find(session, organization_id)

    async def shown_page(self, session: AsyncSession, organization: str, page: PageName) -> tuple[Organization, str]:
        """A page of a portal, for everybody."""
        found = await self.organizations.find(session, organization)
        markdown = await self.repository.page(session, found.id, page)
        if markdown is None:
            raise not_found("page")
        return found, markdown

    async def shown_logo(self, session: AsyncSession, organization: str) -> Logo:
        """A portal's logo, for everybody."""
        found = await self.organizations.find(session, organization)
        logo = await self.repository.logo(session, found.id)
        if logo is None:
            raise not_found("logo")
        return logo

    async def _save(self, session: AsyncSession, before: Branding, after: Branding) -> Branding:
        if after == before:
            return before
        saved = replace(after, updated_at=real_now())
        await self.repository.save(session, saved)
        return saved
