"""One application's access to one API in one environment, as calls need it."""

from gateway.domain.rate_limit import EntryKey, RateLimiter
from shared.events.subscriptions import Access


class AccessSlot:
    """An access entry with its limiter, which stays while the limits do: an update gives no fresh burst.

    `is_open`: calls pass, whatever the time is. `is_current` ends when another slot, or none, takes this one's place.
    """

    __slots__ = (
        "access", "bills_every_call", "is_current", "is_open", "limiter", "plan_version", "subscription",
    )  # fmt: skip

    def __init__(
        self, access: Access, before: "AccessSlot | None", key: EntryKey, changed: list[RateLimiter], now_ns: int
    ) -> None:
        self.access = access
        self.subscription = access.subscription_number
        self.plan_version = access.plan_version_number
        self.bills_every_call = access.billable_rule == "admitted"
        self.is_open = access.allowed and access.valid_until is None and access.blocked_until is None
        self.is_current = True
        kept: RateLimiter | None = None if before is None else before.limiter
        if kept is None or kept.limits != access.rate_limits:
            fresh = RateLimiter(access.rate_limits, key, changed)
            if kept is not None:
                fresh.inherit(kept, now_ns)
            kept = fresh
        self.limiter: RateLimiter = kept
