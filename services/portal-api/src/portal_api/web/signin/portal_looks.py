"""Who comes from a Developer Portal signs in there: its name, logo and accent stand on the pages, and in the mails."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.organizations.domain.branding import Branding
from portal_api.organizations.use_cases.branding import Brandings
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class PortalLooks:
    """A portal, as far as pages outside it show it."""

    name: str
    base: str
    branding: Branding

    def mail_values(self, public_url: str) -> dict[str, str]:
        """For the mails that these pages cause."""
        return self.branding.mail_values(self.name, f"{public_url}{self.base}")


async def portal_looks(session: AsyncSession, brandings: Brandings, target: str) -> PortalLooks | None:
    """Of the portal to which `target`, a path of ours, leads; None if it leads to none."""
    parts = urlsplit(target).path.split("/")
    if len(parts) < 3 or parts[1] != "portal":
        return None
    try:
        found = await brandings.organizations.find(session, parts[2])
    except DomainError:
        return None
    branding = await brandings.of_portal(session, found.id)
    return PortalLooks(branding.portal_name or found.name, f"/portal/{found.identifier}", branding)
