"""The ledger: what Stripe has been told of a period, and what it must be told next.

Law (tests/property/billing_sync): whatever the order of window revisions, crashes, lost answers and duplicates, Stripe
counts each unit exactly once, and never more than the windows say. It rests on three rules. A row is written before it
is sent and its units never change. Its identifier is a function of (subscription, meter, period, push number). A
repeat that Stripe knows ("already exists") is a success; after 24 hours, when Stripe forgets identifiers, a repeat is
sent only after the meter's summary has shown that the event is not in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from billing_sync.domain.records import Push

IDENTIFIER_BYTES = 100  # Stripe's bound
IDENTIFIER_MEMORY = timedelta(hours=23)  # Stripe keeps identifiers unique for "at least 24 hours"
OLDEST_STAMP = timedelta(days=34)  # Stripe refuses events more than 35 days old
_SECOND = timedelta(seconds=1)

Answer = Literal["accepted", "already_exists"]


class LedgerBroken(Exception):
    """The ledger contradicts itself: nothing may be sent until somebody has looked."""


def identifier(subscription_id: str, meter_id: str, period_start: datetime, push_number: int) -> str:
    """`<subscription>:<meter>:<period start>:<push number>`."""
    value = f"{subscription_id}:{meter_id}:{int(period_start.timestamp())}:{push_number}"
    if len(value) > IDENTIFIER_BYTES:
        raise LedgerBroken(f"identifier {value} is longer than {IDENTIFIER_BYTES}")
    return value


def stamp(now: datetime, period_start: datetime, period_end: datetime) -> datetime | None:
    """A full second strictly inside the period, not in the future and never a full minute; None = not yet possible.

    Boundaries of periods and of minutes are avoided because Stripe calls a summary's `end_time` both inclusive and
    exclusive: a stamp on a boundary could be counted on either side.
    """
    at = min(_floor(now), _floor(period_end) - _SECOND)
    if at.second == 0:
        at -= _SECOND
    return at if at > period_start else None


def next_push(
    template: Push, counted_units: int, rows: Sequence[Push], now: datetime, period_end: datetime
) -> Push | None:
    """The row for the units counted since the last push; None when there is nothing to tell or no instant to stamp.

    Refused rows count as told: they are shown and replayed by somebody, not sent again under another number.
    """
    if any(row.status == "pending" for row in rows):
        raise LedgerBroken("a push is unfinished")
    told = sum(row.units for row in rows)
    units = counted_units - told
    if units <= 0:
        return None
    at = stamp(now, template.period_start, period_end)
    if at is None:
        return None
    number = max((row.push_number for row in rows), default=0) + 1
    name = identifier(template.subscription_id, template.meter_id, template.period_start, number)
    return replace(template, push_number=number, identifier=name, units=units, stamped_at=at, status="pending")


def reported(rows: Iterable[Push]) -> int:
    """Units that Stripe has taken."""
    return sum(row.units for row in rows if row.status in ("sent", "confirmed"))


def decide_repeat(push: Push, now: datetime, real_now: datetime) -> Literal["send", "compare"]:
    """Whether an unfinished push may simply be sent again. Both clocks count: the sandbox moves only one of them."""
    if push.first_tried_at is None or push.first_tried_real_at is None:
        return "send"
    age = max(now - push.first_tried_at, real_now - push.first_tried_real_at)
    return "send" if age < IDENTIFIER_MEMORY else "compare"


def decide_comparison(push: Push, told_in_range: int, summary: int) -> Literal["counted", "absent", "unclear"]:
    """Is an old unfinished push in the meter's summary? `told_in_range` = units of the range's other rows."""
    if summary == told_in_range:
        return "absent"
    return "counted" if summary == told_in_range + push.units else "unclear"


def restamp(push: Push, now: datetime, period_end: datetime) -> Push | None:
    """A push never counted that has grown too old gets a new stamp inside its period; None = it is late usage."""
    if now - push.stamped_at < OLDEST_STAMP:
        return push
    at = stamp(now, push.period_start, period_end)
    if at is None or now - at >= OLDEST_STAMP:
        return None
    return replace(push, stamped_at=at)


def after_answer(push: Push, answer: Answer) -> Push:
    """The row after Stripe answered. An identifier taken before the *first* try is not ours: an alarm, no success."""
    if push.status != "pending":
        raise LedgerBroken(f"{push.identifier} is {push.status}, not pending")
    if answer == "already_exists" and push.attempts <= 1:
        return replace(push, status="refused", reason="Stripe knew this identifier before the first try")
    return replace(push, status="sent")


def minute_range(stamps: Iterable[datetime]) -> tuple[datetime, datetime] | None:
    """The minute-aligned range that holds all stamps strictly inside."""
    ordered = sorted(stamps)
    if not ordered:
        return None
    start = ordered[0].replace(second=0, microsecond=0)
    return start, ordered[-1].replace(second=0, microsecond=0) + timedelta(minutes=1)


def _floor(at: datetime) -> datetime:
    return datetime.fromtimestamp(int(at.timestamp()), UTC)
