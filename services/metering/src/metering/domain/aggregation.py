"""Calls -> usage windows, with numpy.

The cost is in sorting and in the number of windows; a call costs some 150 ns. Keys are composed of ranks, so that no
assumption is made about how many of anything there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.domain.call_batch import Calls, Mask
from metering.domain.period import Terms
from metering.domain.usage_window import MINUTE_US, Usage, WindowKey
from shared.events.call_record import FLAG_BILLABLE, FLAG_INTENT_ONLY, FLAG_SANDBOX

Integers = npt.NDArray[np.int64]

_LARGEST_KEY = 1 << 62
_LARGEST_SPAN = 1 << 31


@dataclass(frozen=True, slots=True)
class WindowColumns:
    """Windows as columns, sorted by key: what a bulk upsert takes. `key` holds one list per field of WindowKey."""

    key: tuple[list[int], ...]
    calls: list[int]
    units: list[int]

    def windows(self) -> dict[WindowKey, Usage]:
        """The same, row by row."""
        rows = zip(*self.key, strict=True)
        return {
            WindowKey._make((*row[:6], bool(row[6]), bool(row[7]), row[8])): Usage(calls, units)
            for row, calls, units in zip(rows, self.calls, self.units, strict=True)
        }


def numbers_of(calls: Calls) -> list[int]:
    """The subscriptions that occur."""
    found: list[int] = np.unique(calls["subscription"]).tolist()
    return found


def is_known(calls: Calls, terms: Mapping[int, Terms]) -> Mask:
    """True where the call's subscription and its periods are known; the others wait."""
    known = np.fromiter(terms.keys(), np.uint64, len(terms))
    result: Mask = np.isin(calls["subscription"], known)
    return result


def aggregate(calls: Calls, terms: Mapping[int, Terms]) -> WindowColumns:
    """One row per window. Every call's subscription must be in `terms` (`is_known`)."""
    if len(calls) == 0:
        return WindowColumns(tuple([] for _ in WindowKey._fields), [], [])
    period_start, at = _place_in_time(calls, terms)
    window_start = np.maximum(at // MINUTE_US * MINUTE_US, period_start)
    flags = calls["flags"]
    intent = (flags & FLAG_INTENT_ONLY) != 0
    sandbox = (flags & FLAG_SANDBOX) != 0
    billable = ((flags & FLAG_BILLABLE) != 0) & ~sandbox & ~intent
    # An intent never reached its end: whatever status stands in it is not an outcome.
    status_class = np.where(intent, 0, calls["status"] // 100)
    columns: list[Integers] = [
        calls["subscription"].astype(np.int64),
        calls["plan_version"].astype(np.int64),
        period_start,
        calls["api"].astype(np.int64),
        calls["operation"].astype(np.int64),
        window_start,
        sandbox.astype(np.int64),
        billable.astype(np.int64),
        status_class.astype(np.int64),
    ]
    order, first = _group(columns)
    units = np.where(billable, calls["units"], 0).astype(np.int64)
    row = order[first]
    return WindowColumns(
        key=tuple(column[row].tolist() for column in columns),
        calls=np.diff(np.append(first, len(order))).tolist(),
        units=np.add.reduceat(units[order], first).tolist(),
    )


def _place_in_time(calls: Calls, terms: Mapping[int, Terms]) -> tuple[Integers, Integers]:
    """(start of the period, instant counted at) of each call: `period_start_of` and `counted_at` for many at once."""
    numbers, rank = np.unique(calls["subscription"], return_inverse=True)
    rows: Sequence[Terms] = [terms[number] for number in numbers.tolist()]
    ends = np.array([_LARGEST_KEY if row.end_us is None else row.end_us for row in rows], np.int64)
    first = np.array([row.boundaries_us[0] for row in rows], np.int64)
    at = np.maximum(np.minimum(calls["time_us"].astype(np.int64), ends[rank] - 1), first[rank])

    # All boundaries of all subscriptions in one sorted array of (subscription's rank, boundary's rank).
    owner = np.repeat(np.arange(len(rows)), [len(row.boundaries_us) for row in rows])
    flat = np.concatenate([np.array(row.boundaries_us, np.int64) for row in rows])
    instants, boundary_rank = np.unique(flat, return_inverse=True)
    span = len(instants) + 1
    starts = owner * span + boundary_rank + 1
    wanted = rank * span + np.searchsorted(instants, at, side="right")
    found = np.searchsorted(starts, wanted, side="right") - 1
    return flat[found], at


def _group(columns: Sequence[Integers]) -> tuple[Integers, Integers]:
    """(order that sorts the rows by all columns, where in it each group begins)."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values = column
        lowest, span = int(np.min(values)), int(np.max(values)) - int(np.min(values)) + 1
        if span > _LARGEST_SPAN:
            values = np.unique(values, return_inverse=True)[1].astype(np.int64)
            lowest, span = 0, int(np.max(values)) + 1
        if int(np.max(key)) >= _LARGEST_KEY // span:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * span + (values - lowest)
    order: Integers = np.argsort(key, kind="stable")
    ordered = key[order]
    first: Integers = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return order, first
