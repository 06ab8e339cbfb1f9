"""Every metric of this service, and what a change of each means."""

from prometheus_client import Counter, Gauge

TRANSITIONS = Counter(
    "subscriptions_transitions_total", "Changes of status, by the new one; `rejected` rising: look at problems", ["to"]
)
REJECTIONS = Counter(
    "subscriptions_rejections_total", "Requests refused, by problem; a rise of one names the cause", ["problem"]
)
ACCESS_CHANGES = Counter(
    "subscriptions_access_changes_total", "Access entries published; flat while statuses change: access is not derived"
)
IGNORED = Counter(
    "subscriptions_ignored_total",
    "Records without a row in the table (late, repeated); a steady rise wants a look",
    ["kind"],
)
BILLING_INCOMPLETE = Counter(
    "subscriptions_billing_incomplete_total",
    "Ended without a verified final invoice after 24 hours; any rise wants a person: billing-sync or Stripe is stuck",
)
PARKED = Gauge(
    "subscriptions_parked_commands", "Requests waiting for the catalogue; above 0 for minutes: portal-api's relay lags"
)
TIMER_FAILURES = Counter(
    "subscriptions_timer_failures_total", "Failed ticks, tried again; a rise: the database is away"
)
