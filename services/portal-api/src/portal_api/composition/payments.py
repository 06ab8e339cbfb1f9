"""Stripe's billing portal and the grace for overdue payments: adapters -> use cases."""

from dataclasses import dataclass

from portal_api.billing.adapters.portal_store import PostgresGraces, PostgresPortalSessions
from portal_api.billing.use_cases.billing_portal import BillingPortal
from portal_api.billing.use_cases.payment_grace import PaymentGraces
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.organizations.use_cases import Organizations
from shared.messaging.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Payments:
    """What main hands to the routes and to the projections."""

    portal: BillingPortal
    graces: PaymentGraces
    sessions: PostgresPortalSessions


def payments(subscriptions: Subscriptions, organizations: Organizations, outbox: Outbox, portal_url: str) -> Payments:
    """Wired; nothing runs by itself."""
    sessions = PostgresPortalSessions()
    return Payments(
        portal=BillingPortal(sessions, subscriptions, outbox, portal_url),
        graces=PaymentGraces(PostgresGraces(), organizations, outbox),
        sessions=sessions,
    )
