"""How the double behaves; every field can be set from the command line or the environment."""

import dataclasses
from pathlib import Path

API_VERSION = "2026-10-28.endive"


@dataclasses.dataclass(frozen=True, slots=True)
class Config:
    """Settings of one double."""

    public_url: str = "http://127.0.0.1:8400"
    # None keeps everything in memory.
    state: Path | None = None
    # How long a meter event stays invisible in summaries and invoices, as Stripe's aggregation lags.
    aggregation_lag_seconds: float = 0.3
    # Stripe's default time between an invoice's draft and its finalization.
    finalization_grace_seconds: int = 3600
    # Stripe waits this long for a 2xx on invoice.created before it finalizes without one.
    invoice_created_wait_seconds: int = 72 * 3600
    # How long after its first attempt a webhook is given up (real time; Stripe: three days).
    webhook_give_up_seconds: float = 600.0
