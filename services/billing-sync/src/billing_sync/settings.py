"""What billing-sync reads from its environment (prefix TOLLWAY_)."""

from pydantic import Field, SecretStr

from shared.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Validated once at start. `stripe_api_base` empty = Stripe itself."""

    host: str = "127.0.0.1"
    port: int = 8010
    operations_port: int = 8011
    public_url: str = "http://127.0.0.1:8010"
    portal_url: str = "http://127.0.0.1:8000"
    sealing_private_key: SecretStr
    encryption_key: SecretStr
    stripe_api_base: str = ""
    stripe_max_network_retries: int = Field(default=2, ge=0, le=5)
    stripe_timeout_seconds: float = Field(default=30.0, gt=0)
    # A meter event per subscription at most this often; final pushes go at once.
    push_interval_seconds: float = Field(default=5.0, ge=0)
    # Cancelling now: how long to wait for complete usage, and for Stripe's summary to reach the ledger.
    usage_bound_seconds: float = Field(default=60.0, ge=0)
    summary_bound_seconds: float = Field(default=300.0, ge=0)
    # A renewal's draft is held at most this long; Stripe's own grace is 72 hours at most.
    renewal_bound_seconds: float = Field(default=72 * 3600.0, gt=0)
    reconcile_interval_seconds: float = Field(default=900.0, gt=0)
    worker_concurrency: int = Field(default=8, ge=1, le=64)
    # Business time from opening to expiry of a Checkout Session; Stripe takes 30 minutes to 24 hours.
    checkout_lifetime_seconds: int = Field(default=23 * 3600, ge=1800, le=24 * 3600 - 300)
