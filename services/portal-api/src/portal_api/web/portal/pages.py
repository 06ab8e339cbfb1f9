"""The Developer Portal: what `main` hands over, and all its pages."""

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_datetime
from fastapi import APIRouter
from markupsafe import Markup

from portal_api.applications.use_cases.applications import Applications
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.billing.use_cases.billing_portal import BillingPortal
from portal_api.billing.use_cases.explaining import line_text, line_title
from portal_api.billing.use_cases.stripe_credentials import StripeCredentials
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.billing.use_cases.usage_history import UsageHistories
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.catalog.use_cases.portal import PortalCatalog
from portal_api.oauth.use_cases import AuthorizationServer
from portal_api.organizations.use_cases import Organizations
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.web.kit import formats
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal import (
    applications,
    billed,
    billing,
    branded,
    catalogue,
    first_call,
    invoices,
    keys,
    payment,
    reference_assets,
    subscribing,
)
from portal_api.web.portal.place import Places


@dataclass(frozen=True, slots=True)
class DeveloperPortal:
    """What `main` hands over."""

    kit: Kit
    organizations: Organizations
    catalog: PortalCatalog
    applications: Applications
    credentials: Credentials
    server: AuthorizationServer
    subscriptions: Subscriptions
    billing: BillingReader
    histories: UsageHistories
    stripe: StripeCredentials
    portal: BillingPortal
    brandings: Brandings


def create_router(deps: DeveloperPortal) -> APIRouter:
    """All pages."""
    kit = deps.kit
    kit.templates.globals.update(line_title=line_title, line_text=line_text, exact_time=_exact_time)
    router = kit.router()
    places = Places(deps.organizations, deps.stripe, deps.billing, kit.clock, deps.brandings)
    catalogue_deps = catalogue.CatalogueDeps(
        kit, places, deps.catalog, deps.subscriptions, deps.billing, deps.applications
    )
    billing_deps = billing.BillingDeps(kit, places, deps.billing, deps.histories)
    reference_assets.add_routes(router)
    catalogue.add_pages(router, catalogue_deps)
    subscribing.add_pages(router, subscribing.SubscribingDeps(catalogue_deps, deps.applications, deps.subscriptions))
    first_call.add_pages(
        router,
        first_call.FirstCallDeps(catalogue_deps, deps.applications, deps.credentials, deps.server, deps.subscriptions),
    )
    applications.add_pages(
        router,
        applications.ApplicationDeps(
            kit, places, deps.applications, deps.credentials, deps.subscriptions, deps.billing
        ),
    )
    keys.add_pages(router, keys.KeyDeps(kit, places, deps.applications, deps.credentials, deps.server))
    billing.add_pages(router, billing_deps)
    invoices.add_pages(router, billing_deps)
    billed.add_pages(router, billed.BilledDeps(billing_deps, deps.subscriptions))
    payment.add_pages(router, payment.PaymentDeps(billing_deps, deps.subscriptions, deps.portal))
    branded.add_pages(router, branded.BrandedDeps(kit, places, deps.brandings))
    return router


def _exact_time(at: datetime, viewer: Viewer) -> Markup:
    """To the second, in the viewer's zone: what "as of" says."""
    text = format_datetime(at, format="medium", tzinfo=viewer.zone, locale=viewer.locale)
    return Markup('<time datetime="{}" data-style="exact">{}</time>').format(formats.real_utc(at), text)
