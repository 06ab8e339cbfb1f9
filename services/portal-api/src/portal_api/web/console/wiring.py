"""What `main` hands to the Console: the kit, and the use cases that its pages call."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.use_cases.payment_grace import PaymentGraces
from portal_api.billing.use_cases.provider_billing import ProviderBilling
from portal_api.billing.use_cases.stripe_credentials import StripeCredentials
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.catalog.use_cases.deploying import Deployments
from portal_api.catalog.use_cases.importing import ImportApi
from portal_api.catalog.use_cases.plans import Plans
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.catalog.use_cases.releasing import Releases
from portal_api.identity.domain.access import Role
from portal_api.organizations.use_cases import Organizations
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.web.console.members import MemberPages
from portal_api.web.console.place import Place, Places
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Every module of pages takes this."""

    kit: Kit
    organizations: Organizations
    catalog: CatalogReader
    imports: ImportApi
    deployments: Deployments
    releases: Releases
    plans: Plans
    stripe: StripeCredentials
    subscriptions: Subscriptions
    provider: ProviderBilling
    members: MemberPages
    graces: PaymentGraces
    brandings: Brandings
    sample_contract_url: str
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", Places(self.organizations, self.catalog))

    async def at(
        self,
        session: AsyncSession,
        viewer: Viewer,
        organization: str,
        *,
        project: str | None = None,
        api: str | None = None,
        role: Role = "viewer",
    ) -> Place:
        """The page's place; 404 for whoever may not see it, 403 for a member without `role`."""
        return await self.places.at(session, viewer.user, organization, project=project, api=api, role=role)

    async def place(
        self,
        viewer: Viewer,
        organization: str,
        *,
        project: str | None = None,
        api: str | None = None,
        role: Role = "viewer",
    ) -> Place:
        """The same in a transaction of its own."""
        async with self.kit.http.uow.transaction() as session:
            return await self.at(session, viewer, organization, project=project, api=api, role=role)

    def page(
        self, request: Request, viewer: Viewer, template: str, place: Place, *, status: int = 200, **values: Any
    ) -> Response:
        """A page of the Console."""
        return self.kit.page(request, viewer, f"console/{template}", status=status, place=place, **values)
