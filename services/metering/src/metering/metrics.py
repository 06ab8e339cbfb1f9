"""All metrics of metering, and what a change of each means."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("metering_calls_total", "Calls counted into windows; flat while the gateway serves: metering is stuck")
DUPLICATES = Counter(
    "metering_duplicate_calls_total", "Calls seen before and trimmed; a rise: workers' logs are adopted"
)
TORN = Counter(
    "metering_torn_calls_total", "Calls whose checksum or place is wrong, not counted; any rise wants a person"
)
UNCOUNTABLE = Counter(
    "metering_uncountable_calls_total", "Calls without a subscription or with absurd numbers; any rise wants a person"
)
REJECTED = Counter(
    "metering_rejected_records_total", "Kafka records put on the dead letter topic; any rise wants a person", ["reason"]
)
GAPS_OPENED = Counter("metering_gap_sequences_total", "Sequences skipped by a stream; filled ones follow below")
GAPS_FILLED = Counter("metering_gap_filled_sequences_total", "Skipped sequences that came later")
WAITED = Counter("metering_waited_calls_total", "Calls that had to wait for their subscription's state")

GAPS_OPEN = Gauge("metering_open_gaps", "Gaps open now; one that stays is lost calls or a log not yet adopted")
GAPS_OVERDUE = Gauge("metering_overdue_gap_streams", "Streams with a gap too old to hold completeness; wants a person")
STREAMS_SILENT = Gauge("metering_silent_streams", "Streams neither closed nor heard of for 5 minutes; wants a person")
WAITING = Gauge(
    "metering_waiting_calls", "Calls waiting for their subscription's state; more than 0 for long: a lost state"
)
COMPLETE_LAG = Gauge(
    "metering_complete_lag_seconds", "Business time not yet said to be complete; above 5: see gaps, silence"
)

RECORDS_LOST = Counter(
    "metering_lost_ranges_total", "Partitions whose unread records the log no longer has; any rise wants a person"
)
WINDOWS_PUBLISHED = Counter("metering_windows_published_total", "Window totals published")
PUBLISH_FAILURES = Counter("metering_publish_failures_total", "Failed rounds; a rise: Kafka or the database is away")
PUBLICATION_SECONDS = Histogram(
    "metering_publication_seconds",
    "From a window's change to its publication; above 0.3: the publisher cannot keep up",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30),
)
