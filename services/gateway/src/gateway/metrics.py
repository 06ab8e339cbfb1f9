"""Every metric the gateway exports, and what a rise means."""

from array import array
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

LATENCY_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
FAULTS = ("none", "client", "upstream")
_CLASSES = 10  # of statuses
_BOUNDS_US = [int(bound * 1_000_000) for bound in LATENCY_BOUNDS_SECONDS]
_BOUND_COUNT = len(_BOUNDS_US)

SHIP_FAILURES = Counter("gateway_ship_failures_total", "Failed sends to Kafka; a rise: the log fills until it is back")
SHIPPED = Counter("gateway_calls_shipped_total", "Call records that Kafka acknowledged")
TORN = Counter(
    "gateway_log_torn_records_total",
    "Torn records found in a dead worker's log; each call became an intent; many: the machine lost power",
)
ADOPTED = Counter("gateway_log_adopted_streams_total", "Logs of dead workers taken over; a rise: workers are dying")
INTENTS = Counter("gateway_log_intents_total", "Calls open when their worker died, recorded unbilled")
LOG_FULL = Counter("gateway_log_full_total", "Calls refused because the log is full; Kafka has been away for too long")
UNRECORDED = Counter(
    "gateway_calls_unrecorded_total", "Calls let through although the log was full (TOLLWAY_WAL_FULL=pass): not billed"
)
SYNC_FAILURES = Counter("gateway_log_sync_failures_total", "Failed writes of the log to the disk; look at the disk")
REFUSALS_DROPPED = Counter("gateway_refusal_counts_merged_total", "Refusal counts merged for want of room")
LOG_BYTES = Gauge("gateway_log_bytes", "Bytes of log segments on disk; grows while Kafka is away")
LOG_LAG = Gauge("gateway_log_unshipped_records", "Records that Kafka has not acknowledged yet")
RATE_EXCHANGE_FAILURES = Counter(
    "gateway_rate_exchange_failures_total", "Failures to tell or hear rate counts; limits hold per worker meanwhile"
)
RATE_PENDING = Gauge(
    "gateway_rate_pending_calls", "Calls under rate limits that the other workers were not told of at the last interval"
)
RATE_TOLD = Counter(
    "gateway_rate_told_calls_total",
    "Calls under rate limits that Kafka has for the other workers; flat: none is limited",
)
UPSTREAM_RETRIES = Counter(
    "gateway_upstream_retries_total", "Calls tried at another target; a rise: targets are failing"
)
UPSTREAM_EJECTIONS = Counter("gateway_upstream_ejections_total", "Targets that got no calls for a while; see the log")
CACHE_HITS = Counter("gateway_cache_hits_total", "Calls answered from the response cache")
CACHE_BYTES = Gauge("gateway_cache_bytes", "Memory of answers in the response cache")
ADDRESSES_REFUSED = Counter(
    "gateway_upstream_addresses_refused_total", "Connections not made: the name led to an address that is not public"
)
TABLES_AGE = Gauge("gateway_tables_age_seconds", "Since Kafka last answered the oldest table; at the bound calls stop")
CONNECTIONS = Gauge("gateway_client_connections", "Open connections of clients")
OPEN_CALLS = Gauge("gateway_open_calls", "Calls under way")


class CallCounts:
    """Plain counts: a prometheus_client counter takes a lock each time, and this is the hottest path of the product."""

    def __init__(self) -> None:
        self._calls = array("q", bytes(8 * len(FAULTS) * _CLASSES))
        self._refused: dict[str, int] = {}
        self._buckets = array("q", bytes(8 * (len(_BOUNDS_US) + 1)))
        self._bounds = array("q", _BOUNDS_US)
        self._sum_us = 0

    def on_call(self, fault: int, status: int, latency_us: int) -> None:
        """An admitted call is over; `fault`: whose it is that it ended as it did, a number in FAULTS."""
        self._calls[fault * _CLASSES + status // 100] += 1
        place = 0
        while place < _BOUND_COUNT and latency_us > self._bounds[place]:
            place += 1
        self._buckets[place] += 1
        self._sum_us += latency_us

    def on_refusal(self, reason: str) -> None:
        """A call was refused; `reason` is a problem's name, so the number of series is bounded."""
        self._refused[reason] = self._refused.get(reason, 0) + 1

    def calls(self) -> dict[tuple[str, int], int]:
        """By fault and status class."""
        counts = enumerate(self._calls)
        return {(FAULTS[place // _CLASSES], place % _CLASSES): count for place, count in counts if count}

    def refused(self) -> dict[str, int]:
        """By reason."""
        return self._refused

    def latencies(self) -> tuple[list[int], int]:
        """Calls in each bucket, and the sum in microseconds."""
        return list(self._buckets), self._sum_us


class CallStats(CallCounts, Collector):
    """Calls by fault domain and status class, refusals by reason, and how long admitted calls took."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__()
        if registry is not None:
            registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """For the scrape."""
        calls = CounterMetricFamily(
            "gateway_calls", "Admitted calls by whose fault they ended", labels=["fault", "class"]
        )
        for (fault, status_class), count in sorted(self.calls().items()):
            calls.add_metric([fault, f"{status_class}xx"], count)
        yield calls
        refused = CounterMetricFamily("gateway_calls_refused", "Calls refused, by problem type", labels=["reason"])
        for reason, count in sorted(self.refused().items()):
            refused.add_metric([reason], count)
        yield refused
        counts, sum_us = self.latencies()
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*LATENCY_BOUNDS_SECONDS, "+Inf"), counts, strict=True):
            total += count
            buckets.append((str(bound), total))
        latency = HistogramMetricFamily("gateway_call_seconds", "Admitted calls, first byte in to last byte out")
        latency.add_metric([], buckets, sum_us / 1_000_000)
        yield latency


CALLS = CallStats(REGISTRY)
