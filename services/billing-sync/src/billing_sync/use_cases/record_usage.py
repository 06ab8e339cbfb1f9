"""Usage windows and completeness, as metering says them. Runs in Kafka handlers: no call to Stripe."""

from collections.abc import Sequence
from datetime import datetime

from billing_sync.metrics import COMPLETE_UNTIL
from billing_sync.ports import Tx
from shared.events.usage import UsageWindow


async def record_windows(tx: Tx, windows: Sequence[UsageWindow]) -> None:
    """Keep each window's highest revision; request a push for each subscription whose billable total rose."""
    for subscription_id in sorted(await tx.record_windows(windows)):
        await tx.request("push", subscription_id)


async def record_complete(tx: Tx, partition: int, complete_until: datetime) -> None:
    """A partition of `metering.usage` is complete until then. Cancellations and renewals poll the least of all."""
    await tx.record_complete(partition, complete_until)
    least = await tx.complete_until()
    if least is not None:
        COMPLETE_UNTIL.set(least.timestamp())
