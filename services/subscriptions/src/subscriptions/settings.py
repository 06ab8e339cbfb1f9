"""Every variable that this service reads (prefix TOLLWAY_)."""

from pydantic import Field

from shared.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Frozen, validated at start."""

    operations_port: int = 8021
    # How long a payment may be overdue before calls are refused: business time, three days by default.
    past_due_grace_seconds: int = Field(default=3 * 24 * 3600, ge=0)
    # How long a command waits for the catalogue it rests on: real time; topics are usually read within a second.
    parked_seconds: int = Field(default=600, ge=1)
    # How long billing-sync may take to close a cancelled subscription at Stripe before a person is alarmed: real time.
    closing_seconds: int = Field(default=24 * 3600, ge=60)
    # How often time is looked at. An access that ends by a timer ends at most this much late.
    tick_ms: int = Field(default=500, ge=20)
