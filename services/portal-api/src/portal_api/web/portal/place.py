"""Where in the Developer Portal a page is: the organization, what stands beside it, and what is wrong right now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.subscription import Subscription
from portal_api.billing.use_cases.stripe_credentials import StripeCredentials
from portal_api.billing.use_cases.usage_summary import BillingReader, NamedSubscription
from portal_api.organizations.domain.branding import PAGE_TITLES, Branding
from portal_api.organizations.domain.organization import Organization
from portal_api.organizations.use_cases import Organizations
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.web.kit.viewer import Viewer
from shared.clock import Clock
from shared.events.billing import InvoiceUpdated

# Among so many of the newest invoices the open ones of who is overdue are looked for.
MAX_INVOICES = 100


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the navigation. `key` is its letter after `g`."""

    label: str
    href: str
    icon: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What every page of the portal knows about where it is."""

    organization: Organization
    is_signed_in: bool
    is_test_mode: bool
    now: datetime
    branding: Branding
    overdue: Sequence[NamedSubscription] = ()
    # By subscription: the oldest one that is to be paid.
    open_invoices: Mapping[str, InvoiceUpdated] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the portal is called."""
        return self.branding.portal_name or self.organization.name

    @property
    def base(self) -> str:
        """`/portal/{organization}`."""
        return f"/portal/{self.organization.identifier}"

    def is_refused(self, row: Subscription) -> bool:
        """Whether a failed payment already ends access: Stripe gave up, or the provider's grace is over."""
        if row.status == "unpaid":
            return True
        return row.status == "past_due" and row.grace_until is not None and row.grace_until <= self.now

    @property
    def own_pages(self) -> tuple[tuple[str, str], ...]:
        """(title, address) of the pages that the organization wrote."""
        return tuple((PAGE_TITLES[page], f"{self.base}/pages/{page}") for page in self.branding.pages)

    @property
    def links(self) -> tuple[Link, ...]:
        """The navigation."""
        return (
            Link("APIs", f"{self.base}/apis", "layout-grid", "a"),
            Link("Applications", f"{self.base}/applications", "app-window", "p"),
            Link("Billing", f"{self.base}/billing", "receipt", "b"),
        )


@dataclass(frozen=True, slots=True)
class Places:
    """Loads them."""

    organizations: Organizations
    stripe: StripeCredentials
    billing: BillingReader
    clock: Clock
    brandings: Brandings

    async def at(self, session: AsyncSession, viewer: Viewer, organization: str) -> Place:
        """The portal of an organization: open to everybody."""
        found = await self.organizations.find(session, organization)
        branding = await self.brandings.of_portal(session, found.id)
        connection = await self.stripe.look(session, found.id)
        overdue: Sequence[Subscription] = ()
        unpaid: dict[str, InvoiceUpdated] = {}
        if viewer.actor is not None:
            overdue = await self.billing.overdue(session, found.id, viewer.actor.user_id)
        if viewer.actor is not None and overdue:
            for invoice in await self.billing.invoices_of(
                session, found.id, viewer.actor.user_id, after=None, limit=MAX_INVOICES
            ):
                if invoice.status == "open" and invoice.subscription_id and invoice.hosted_invoice_url:
                    unpaid[invoice.subscription_id] = invoice
        return Place(
            organization=found,
            is_signed_in=viewer.actor is not None,
            branding=branding,
            is_test_mode=connection is not None and connection.livemode is False,
            now=self.clock.now(),
            overdue=await self.billing.named(session, overdue) if overdue else (),
            open_invoices=unpaid,
        )
