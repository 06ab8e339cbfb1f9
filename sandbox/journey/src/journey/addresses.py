"""Where the stack is, from the environment that `make demo` sets."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs without a trailing slash."""

    portal: str
    gateway: str
    stripe: str
    upstream: str
    mailbox: str
    kafka: str
    topic_prefix: str

    @classmethod
    def from_environment(cls) -> "Addresses":
        """Defaults are those of `make up`."""

        def read(name: str, default: str) -> str:
            return os.environ.get(f"TOLLWAY_DEMO_{name}", default).rstrip("/")

        return cls(
            portal=read("PORTAL_URL", "http://127.0.0.1:8000"),
            gateway=read("GATEWAY_URL", "http://127.0.0.1:8080"),
            stripe=read("STRIPE_URL", "http://127.0.0.1:8400"),
            upstream=read("UPSTREAM_URL", "http://127.0.0.1:8500"),
            mailbox=read("MAILBOX_URL", "http://127.0.0.1:8600"),
            kafka=os.environ.get("TOLLWAY_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:19092"),
            topic_prefix=os.environ.get("TOLLWAY_KAFKA_TOPIC_PREFIX", ""),
        )
