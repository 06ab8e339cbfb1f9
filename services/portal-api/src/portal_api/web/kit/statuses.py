"""What each state is called on a page, its tone, and what it means in a line."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "warn", "bad", "info", "brand", "plain"]


@dataclass(frozen=True, slots=True)
class Status:
    """One state as people see it."""

    label: str
    tone: Tone
    meaning: str


_SUBSCRIPTION = {
    "pending": Status("Pending", "info", "Asked for; access follows in a moment."),
    "pending_payment": Status("Waiting for payment", "warn", "Checkout is open; calls are refused until it is paid."),
    "incomplete": Status("Incomplete", "warn", "The first payment needs another step; calls are refused."),
    "trialing": Status("Trial", "good", "Calls are admitted; the trial has not ended."),
    "active": Status("Active", "good", "Calls are admitted and billed."),
    "past_due": Status("Past due", "warn", "A payment failed; calls are admitted while Stripe tries again."),
    "unpaid": Status("Unpaid", "bad", "Payment failed for good; calls are refused until the invoice is paid."),
    "paused": Status("Paused", "info", "Calls are refused until it is resumed."),
    "canceling": Status("Cancelling", "info", "The end was ordered; the last usage is being billed."),
    "canceled": Status("Cancelled", "plain", "It ended; calls are refused."),
    "incomplete_expired": Status("Expired", "plain", "It was never paid and has expired."),
    "rejected": Status("Rejected", "bad", "It could not begin; the reason stands beside it."),
}
_PAYMENT = {
    "not_needed": Status("Free", "plain", "The plan costs nothing."),
    "waiting": Status("Waiting", "warn", "Checkout is open at Stripe."),
    "paid": Status("Paid", "good", "Nothing is owed."),
    "open": Status("Invoice open", "info", "An invoice waits to be paid."),
    "overdue": Status("Overdue", "bad", "The last payment failed; Stripe tries again."),
    "failed": Status("Failed", "bad", "Stripe has given up on the last invoice."),
    "refused": Status("Refused", "bad", "Stripe would not open Checkout."),
    "none": Status("None yet", "plain", "No invoice has been made."),
}
_INVOICE = {
    "draft": Status("Draft", "plain", "Stripe is still putting it together."),
    "open": Status("Open", "warn", "It waits to be paid."),
    "paid": Status("Paid", "good", "It is paid."),
    "uncollectible": Status("Uncollectible", "bad", "Stripe has given up on it."),
    "void": Status("Void", "plain", "It was cancelled."),
}
_LIFECYCLE = {
    "created": Status("Created", "plain", "Only members of the organization see it."),
    "pre_released": Status("Pre-released", "info", "Shown to members as a preview; nobody can subscribe."),
    "published": Status("Published", "good", "In the Developer Portal; developers can subscribe."),
    "blocked": Status("Blocked", "bad", "Calls are refused for now; subscriptions stay."),
    "deprecated": Status("Deprecated", "warn", "Present subscriptions work; there are no new ones."),
    "retired": Status("Retired", "plain", "Gone for good; calls are refused."),
}
_STRIPE = {
    "pending": Status("Checking", "info", "Stripe is being asked."),
    "refused": Status("Refused", "bad", "The keys that were entered last do not work."),
    "connected": Status("Connected", "good", "Paid plans can be sold."),
    "disconnected": Status("Not connected", "plain", "Only free plans can be sold."),
}
_PLAN = {
    "active": Status("Active", "good", "It can be enabled on APIs."),
    "inactive": Status("Inactive", "plain", "Nobody new can subscribe; present subscriptions stay."),
    "deleted": Status("Deleted", "plain", "It is gone."),
}
_CHECK = {
    "passed": Status("Passed", "good", "It works."),
    "ok": Status("Passed", "good", "It works."),
    "failed": Status("Failed", "bad", "It does not work."),
    "missing": Status("Missing", "bad", "The key lacks this."),
    "unknown": Status("Not known", "plain", "The key may not look it up; it may work all the same."),
    "skipped": Status("Skipped", "plain", "It was not tried."),
    "warning": Status("Warning", "warn", "It works, and needs a look."),
}
_DEPLOYMENT = {
    "active": Status("Active", "good", "The gateway serves it."),
    "none": Status("Not deployed", "plain", "Nothing is served here."),
}
_APPLICATION = {
    "active": Status("Active", "good", "It can subscribe and call."),
    "deleting": Status("Being deleted", "info", "Its subscriptions are ending."),
    "revoked": Status("Revoked", "plain", "It opens nothing any more."),
}
KINDS = {
    "subscription": _SUBSCRIPTION,
    "payment": _PAYMENT,
    "invoice": _INVOICE,
    "lifecycle": _LIFECYCLE,
    "stripe": _STRIPE,
    "plan": _PLAN,
    "check": _CHECK,
    "deployment": _DEPLOYMENT,
    "application": _APPLICATION,
}


def status_of(kind: str, name: str) -> Status:
    """An unknown one is shown under its own name rather than hidden."""
    known = KINDS[kind].get(name)
    return known or Status(name.replace("_", " ").capitalize(), "plain", "")
