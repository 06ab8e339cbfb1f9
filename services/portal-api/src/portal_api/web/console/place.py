"""Where in the Console a page is: organization, project, API; and the navigation that stands beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.api import Api
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor, Role
from portal_api.organizations.domain.organization import Organization, Project
from portal_api.organizations.use_cases import Organizations, not_found

MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the navigation. `key` is its letter after `g`."""

    label: str
    href: str
    icon: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A line that opens: `Admin`, `Manage`."""

    label: str
    icon: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs to one level."""

    title: str
    icon: str
    lines: tuple[Link | Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What every page of the Console knows about where it is. Reading it is the check of membership."""

    organization: Organization
    role: Role
    organizations: Sequence[tuple[Organization, Role]]
    projects: Sequence[Project]
    project: Project | None = None
    api: Api | None = None
    sections: tuple[Section, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sections", _sections(self))

    @property
    def base(self) -> str:
        """`/console/{organization}`."""
        return f"/console/{self.organization.identifier}"

    @property
    def project_base(self) -> str:
        """`/console/{organization}/projects/{project}`."""
        return f"{self.base}/projects/{self.project.identifier}" if self.project else self.base

    @property
    def api_base(self) -> str:
        """`/console/{organization}/apis/{api}`."""
        return f"{self.base}/apis/{self.api.id}" if self.api else self.base

    @property
    def is_admin(self) -> bool:
        """Whether money and members may be touched."""
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class Places:
    """Loads them."""

    organizations: Organizations
    catalog: CatalogReader

    async def at(
        self,
        session: AsyncSession,
        actor: Actor,
        organization: str,
        *,
        project: str | None = None,
        api: str | None = None,
        lock: bool = False,
        role: Role = "viewer",
    ) -> Place:
        """The place; 404 for whoever may not see it, 403 for a member without `role`."""
        # What these two lists bring along, the checks after them do not ask for again.
        mine = await self.organizations.list_mine(session, actor, limit=MAX_LISTED, after=None)
        await self.organizations.require_role(session, actor, organization, role)
        found, role = await self.organizations.get_mine(session, actor, organization)
        projects = await self.organizations.list_projects(session, actor, found.id, limit=MAX_LISTED, after=None)
        here: Project | None = None
        found_api: Api | None = None
        if api is not None:
            found_api = await self.catalog.require_api(session, actor, api, lock=lock)
            if found_api.organization_id != found.id:
                raise not_found("api")
            project = found_api.project_id
        if project is not None:
            _, here = await self.organizations.require_project(session, actor, found.id, project)
        return Place(organization=found, role=role, organizations=mine, projects=projects, project=here, api=found_api)


def _sections(place: Place) -> tuple[Section, ...]:
    sections = [_of_organization(place)]
    if place.project is not None:
        sections.insert(0, _of_project(place))
    if place.api is not None:
        sections.insert(0, _of_api(place))
    return tuple(sections)


def _of_api(place: Place) -> Section:
    base = place.api_base
    manage = (
        Link("Monetize", f"{base}/monetize", "coins", "z"),
        Link("Policies", f"{base}/policies", "shield", "y"),
        Link("Lifecycle", f"{base}/lifecycle", "workflow", "l"),
    )
    return Section(
        place.api.display_name if place.api else "",
        "network",
        (
            Link("Overview", base, "layout-grid", "o"),
            Link("Deploy", f"{base}/deploy", "rocket", "d"),
            Group("Manage", "sliders-horizontal", manage),
            Link("Insights", f"{base}/insights", "chart-column", "i"),
        ),
    )


def _of_project(place: Place) -> Section:
    base = place.project_base
    name = place.project.display_name if place.project else ""
    return Section(name, "folder", (Link("API Proxies", base, "network", "a"),))


def _of_organization(place: Place) -> Section:
    base = place.base
    admin = (
        Link("Settings", f"{base}/settings", "settings", "s"),
        Link("Members", f"{base}/members", "users", "m"),
        *((Link("Audit Log", f"{base}/audit-log", "scroll-text", "t"),) if place.is_admin else ()),
    )
    return Section(
        place.organization.name,
        "building-2",
        (
            Link("Home", base, "house", "h"),
            Link("Subscriptions", f"{base}/subscriptions", "receipt", "b"),
            Group("Admin", "shield", admin),
            Link("Developer Portal", f"/portal/{place.organization.identifier}", "external-link", "p"),
        ),
    )
