"""The one way to make a FastStream broker, and why its subscribers acknowledge by hand.

FastStream's default policy (ACK_FIRST) loses the record whose handler fails; REJECT_ON_ERROR too; NACK_ON_ERROR spins
without back-off. Our offsets live in PostgreSQL beside what the records changed, so the only policy that loses nothing
is MANUAL with our own seek: `consumer.TransactionalConsumer` is the one subscriber that services use.
"""

import logging

from faststream import AckPolicy
from faststream.kafka import KafkaBroker

ACK_POLICY = AckPolicy.MANUAL


def create_broker(bootstrap_servers: str, *, client_id: str) -> KafkaBroker:
    """A broker for consuming. Publishing goes through the outbox only."""
    return KafkaBroker(
        bootstrap_servers,
        client_id=client_id,
        request_timeout_ms=10_000,
        metadata_max_age_ms=30_000,
        retry_backoff_ms=100,
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
    )
