"""Every metric that portal-api exports beside messaging's, with what a rise means."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "portal_api_requests_total",
    "HTTP requests by method and status class; 5xx rising: our fault, 4xx rising: a client's",
    ("method", "status_class"),
)
REQUEST_SECONDS = Histogram(
    "portal_api_request_duration_seconds",
    "Time to the response's start; a rise: the database is slow, or contracts are being imported",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
MAILS = Counter(
    "portal_api_mails_total",
    "Mails by kind and outcome; postponed rising: the mail server is away; failed: people wait for nothing",
    ("kind", "outcome"),
)
