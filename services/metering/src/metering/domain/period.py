"""Billing periods as metering knows them, and the instant at which a call counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.events.subscriptions import SubscriptionState


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open [start, end); `end_us` None while unknown."""

    start_us: int
    end_us: int | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What counting needs of a subscription: where periods start, and when its access ended or will end.

    `boundaries_us` is sorted and not empty; the first is the start of the first period known.
    """

    number: int
    boundaries_us: tuple[int, ...]
    end_us: int | None = None


def boundaries(periods: Iterable[Period]) -> tuple[int, ...]:
    """Every instant at which a period starts.

    After a known end the next period starts there, until told otherwise. A period cut short by an earlier start of the
    next one (a plan change, a trial's end) has no boundary of its own at its planned end.
    """
    ordered: Sequence[Period] = sorted(periods, key=lambda period: period.start_us)
    found: list[int] = []
    for index, period in enumerate(ordered):
        found.append(period.start_us)
        following = ordered[index + 1].start_us if index + 1 < len(ordered) else None
        end = period.end_us
        if end is not None and end > period.start_us and (following is None or end < following):
            found.append(end)
    return tuple(sorted(set(found)))


def access_end(state: SubscriptionState) -> datetime | None:
    """From when no call was, or will be, admitted: calls recorded later count just before it.

    A scheduled end counts before it happens: the gateway stops on its own at that instant, and the news of it comes
    after the last calls. Taken back (resume), the next state says so.
    """
    known = [at for at in (state.access_ended_at, state.ended_at) if at is not None]
    if known:
        return min(known)
    if state.cancel_at is not None:
        return state.cancel_at
    return state.current_period_end if state.cancel_at_period_end else None


def period_start_of(terms: Terms, time_us: int) -> int:
    """The start of the period in which a call of `time_us` counts: the plain rule that the vectorised one must meet."""
    at = counted_at(terms, time_us)
    return max(boundary for boundary in terms.boundaries_us if boundary <= at)


def counted_at(terms: Terms, time_us: int) -> int:
    """The instant at which a call counts: one microsecond before the end if recorded later, never before the first
    period."""
    if terms.end_us is not None:
        time_us = min(time_us, terms.end_us - 1)
    return max(time_us, terms.boundaries_us[0])
