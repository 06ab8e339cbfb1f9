"""A provider says how long its subscribers keep access while a payment is overdue."""

from shared.events.subscriptions import PaymentGraceSet
from subscriptions.ports import Store


async def set_payment_grace(store: Store, command: PaymentGraceSet) -> None:
    """Debts that have begun keep the grace that they began with."""
    await store.graces.put(command.organization_id, command.grace_days, command.requested_at)
