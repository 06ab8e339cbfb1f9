"""Stripe's billing portal, opened for one subscription: card, invoices, cancellation at the period's end."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from portal_api.billing.domain.subscription import PENDING, Subscription
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class PortalSession:
    """A wish, and what became of it. The address lets in whoever has it: only its developer sees it."""

    id: str
    subscription_id: str
    developer_id: str
    status: Literal["pending", "opened", "refused"]
    created_at: datetime
    url: str | None = None
    problem: str | None = None
    problem_detail: str | None = None

    def opened(self, url: str) -> "PortalSession":
        """There it is."""
        return replace(self, status="opened", url=url)

    def refused(self, problem: str, detail: str) -> "PortalSession":
        """There is none, and why."""
        return replace(self, status="refused", problem=problem, problem_detail=detail)


def check_manageable(subscription: Subscription) -> None:
    """Whether Stripe knows of anything to manage. Raises DomainError."""
    if subscription.paid and subscription.status not in (PENDING, "rejected"):
        return
    detail = "A free plan has no card and no invoices." if not subscription.paid else "Nothing was paid for it yet."
    raise DomainError("nothing-to-manage", 409, "There is nothing to manage at Stripe", detail)
