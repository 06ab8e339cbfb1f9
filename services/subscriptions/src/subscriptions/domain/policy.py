"""The bounds of waiting, as values that main takes from the settings."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """How long each open question may stay open. `parked` and `closing` are real time, the others business time."""

    past_due_grace: timedelta = timedelta(days=3)
    # Stripe expires a subscription whose first payment stays open after 23 hours.
    incomplete: timedelta = timedelta(hours=23)
    # A Checkout session lives 24 hours at most; an hour more for its event to arrive.
    pending_payment: timedelta = timedelta(hours=25)
    # Bank debits answer within two weeks; a week more for weekends and holidays.
    async_payment: timedelta = timedelta(days=21)
    closing: timedelta = timedelta(hours=24)
    parked: timedelta = timedelta(minutes=10)
