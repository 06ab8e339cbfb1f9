"""Metrics of every consumer group, and what a change of each means."""

from prometheus_client import Counter

RECORDS = Counter("consumer_records_total", "Records processed; flat while producers write: the consumer is stuck")
RETRIES = Counter("consumer_retries_total", "Batches tried again; a rise: the database or Kafka is away or overloaded")
DEAD_LETTERS = Counter(
    "consumer_dead_letters_total", "Records given up after bounded retries; any rise wants a person", ["topic"]
)
RECORDS_LOST = Counter(
    "consumer_offset_resets_total",
    "A stored offset was below the log's start or of another cluster; any rise wants a person",
    ["topic"],
)
