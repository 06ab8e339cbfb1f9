"""Every variable that the gateway reads, validated at start."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from shared.addresses import parse_allowed
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Prefix TOLLWAY_."""

    operations_port: int = 8081
    host: str = "127.0.0.1"
    port: int = 8080
    # Certificate chain and key in PEM form: calls come in by TLS. New files are taken up without a restart.
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    # More of them, by the name that the client asks for: <name>.crt with <name>.key, or <folder>/tls.crt with tls.key.
    tls_directory: Path | None = None
    # Networks of the load balancers before us: from them alone, X-Forwarded-For, -Proto and -Host are believed.
    trusted_proxies: str = ""
    # Worker processes on the port; 0: one for each processor. With 1 there is no supervisor.
    gateway_workers: int = 1
    # After SIGTERM: not ready, but calls are still taken, so that load balancers can notice.
    drain_notice_seconds: float = 0
    wal_directory: Path
    # Of all workers together: 8 hours at 400 calls/s while Kafka is away; then calls are refused rather than lost.
    wal_max_bytes: int = 1 << 30
    wal_segment_bytes: int = 16 << 20
    # What happens to calls when the log is full: refuse (503), or pass: unrecorded, unbilled and counted.
    wal_full: Literal["refuse", "pass"] = "refuse"
    # How often the log is written to the disk; 0: when the system does. Bounds what a power loss can take.
    wal_sync_seconds: float = 0
    # Failed authentications of one address: above this, credentials not seen before are refused unchecked.
    failures_per_second: float = 20
    failures_burst: int = 200
    open_calls_max: int = 8192
    issuer: str = "http://127.0.0.1:8000"
    portal_url: str = "http://127.0.0.1:8000"
    # Pages that may call every API from a browser, beside those of portal_url; addresses parted by commas.
    portal_origins: str = ""
    # Private P-256 keys in PEM form: the first signs who calls for upstreams (`consumer-identity`), all are published.
    identity_keys: Path | None = None
    # Memory for the answers that `response-cache` keeps, for each worker; 0: none are kept.
    response_cache_bytes: int = 64 << 20
    tables_max_age_seconds: float = 600
    # Upstreams have public addresses, but for these: host:port, or networks (every port); parted by commas.
    allowed_private_addresses: str = ""
    max_body_bytes: int = 10 << 20
    shutdown_seconds: float = 10
    # How often workers tell one another what they admitted under rate limits.
    rate_exchange_seconds: float = 0.1

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        for part in _parts(text):
            ip_network(part)
        return text

    @field_validator("allowed_private_addresses")
    @classmethod
    def _addresses(cls, text: str) -> str:
        parse_allowed(text)
        return text

    @property
    def proxy_networks(self) -> list[str]:
        """The networks of `trusted_proxies`."""
        return _parts(self.trusted_proxies)

    @property
    def worker_count(self) -> int:
        """Worker processes."""
        return self.gateway_workers or len(os.sched_getaffinity(0))


def _parts(text: str) -> list[str]:
    return [part for part in (one.strip() for one in text.split(",")) if part]
