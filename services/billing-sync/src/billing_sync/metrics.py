"""Every metric of billing-sync, with what a rise means."""

from prometheus_client import Counter, Gauge

STRIPE_CALLS = Counter("billing_sync_stripe_calls_total", "Calls to Stripe, by method and outcome", ["call", "outcome"])
JOB_FAILURES = Counter("billing_sync_job_failures_total", "Failed job steps; a rise: Stripe or the database", ["kind"])
JOBS_PARKED = Counter(
    "billing_sync_jobs_parked_total", "Jobs given up until asked again: look at their error", ["kind"]
)
JOBS_DUE = Gauge("billing_sync_jobs_claimed", "Jobs in the last claim; at its bound: the worker cannot keep up")
METER_EVENTS = Counter("billing_sync_meter_events_total", "Meter events, by outcome", ["outcome"])
UNITS_REPORTED = Counter("billing_sync_reported_units_total", "Units that Stripe took")
FIRST_TRY_DUPLICATES = Counter(
    "billing_sync_first_try_duplicates_total", "Identifiers Stripe knew before our first try: a second ledger runs"
)
LATE_UNITS = Counter("billing_sync_late_units_total", "Units that came after their invoice was final: not billed")
FINAL_INVOICES = Counter("billing_sync_final_invoices_total", "Final invoices, by what made them right", ["action"])
SUMMARY_TIMEOUTS = Counter("billing_sync_summary_timeouts_total", "Stripe's summary did not reach the ledger in time")
USAGE_TIMEOUTS = Counter("billing_sync_usage_timeouts_total", "Usage was not complete in time at a cancellation")
WEBHOOKS = Counter("billing_sync_webhooks_total", "Webhooks, by outcome", ["outcome"])
UNSAFE_DRAFTS = Counter(
    "billing_sync_unsafe_drafts_total", "invoice.created not answered 2xx: its draft was not held yet; a rise: too slow"
)
COMPLETE_UNTIL = Gauge("billing_sync_usage_complete_until_seconds", "Least complete_until over all partitions")
