"""What `main` hands to the Console, and its routes together."""

from dataclasses import dataclass

from fastapi import APIRouter

from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.organizations.use_cases import Organizations
from portal_api.web.console import home, members, organizations
from portal_api.web.console.members import MemberPages
from portal_api.web.console.place import Places
from portal_api.web.kit.pages import Kit


@dataclass(frozen=True, slots=True)
class Console:
    """The use cases that its pages call."""

    kit: Kit
    organizations: Organizations
    catalog: CatalogReader
    members: MemberPages

    @property
    def places(self) -> Places:
        """Where a page is."""
        return Places(self.organizations, self.catalog)


def create_router(console: Console) -> APIRouter:
    """One line per module of pages."""
    router = console.kit.router()
    organizations.add_pages(router, console.kit, console.places, console.organizations)
    members.add_pages(router, console.kit, console.places, console.members)
    home.add_pages(router, console.kit, console.places)
    return router
