"""Every variable that the gateway reads, validated at start."""

from pathlib import Path

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Prefix TOLLWAY_."""

    operations_port: int = 8081
    host: str = "127.0.0.1"
    port: int = 8080
    wal_directory: Path
    # 8 hours at 400 calls/s while Kafka is away; then calls are refused rather than lost.
    wal_max_bytes: int = 1 << 30
    wal_segment_bytes: int = 16 << 20
    open_calls_max: int = 8192
    issuer: str = "http://127.0.0.1:8000"
    portal_url: str = "http://127.0.0.1:8000"
    # Pages that may call every API from a browser, beside those of portal_url; addresses parted by commas.
    portal_origins: str = ""
    tables_max_age_seconds: float = 600
    max_body_bytes: int = 10 << 20
    shutdown_seconds: float = 10
