"""Exactly once without a window: which sequences of a stream are new, whatever way they were batched.

A stream's past is one number (everything below `next_sequence` was counted) and the holes in it. That is enough to
decide for ever, for any order, overlap or repetition of batches, which calls of a batch have not been counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

FIRST_SEQUENCE = 1  # 0 is a record that was never written


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Sequences first .. end - 1."""

    first: int
    end: int

    @property
    def count(self) -> int:
        """How many sequences."""
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequences that were skipped: a later batch came first, or they are lost. `opened_at_us` is real time."""

    span: Span
    opened_at_us: int


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """What has been counted of one stream, and what the stream has claimed.

    `claimed_until_us`: the stream's word that every call admitted before is at a sequence seen or skipped so far.
    `held_until_us`: what it had claimed when its oldest open gap opened; the skipped calls may be later than that.
    """

    next_sequence: int = FIRST_SEQUENCE
    gaps: tuple[Gap, ...] = ()
    claimed_until_us: int = 0
    held_until_us: int | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome for one batch: count `fresh` and nothing else."""

    position: StreamPosition
    fresh: tuple[Span, ...]
    duplicates: int
    opened: Span | None
    filled: int


def accept(position: StreamPosition, first: int, count: int, now_us: int) -> Accepted:
    """Take a batch of `count` sequences from `first`; a batch of none tells only where the stream is.

    Raises ValueError for calls below the first sequence: a header that says so is not a header.
    """
    if count < 0 or (count and first < FIRST_SEQUENCE):
        raise ValueError(f"sequences start at {FIRST_SEQUENCE}")
    batch = Span(first, first + count)
    fresh: list[Span] = []
    gaps: list[Gap] = []
    for gap in position.gaps:
        inside = Span(max(gap.span.first, batch.first), min(gap.span.end, batch.end))
        if inside.count <= 0:
            gaps.append(gap)
            continue
        fresh.append(inside)
        for rest in (Span(gap.span.first, inside.first), Span(inside.end, gap.span.end)):
            if rest.count > 0:
                gaps.append(replace(gap, span=rest))
    filled = sum(span.count for span in fresh)
    opened = None
    if first > position.next_sequence:
        opened = Span(position.next_sequence, first)
        gaps.append(Gap(opened, now_us))
    beyond = Span(max(first, position.next_sequence), batch.end)
    if beyond.count > 0:
        fresh.append(beyond)
    held = position.held_until_us
    if not gaps:
        held = None
    elif held is None:
        held = position.claimed_until_us
    changed = replace(
        position,
        next_sequence=max(position.next_sequence, batch.end, first),
        gaps=tuple(gaps),
        held_until_us=held,
    )
    duplicates = count - sum(span.count for span in fresh)
    return Accepted(changed, tuple(fresh), duplicates, opened, filled)


def claim(position: StreamPosition, complete_until_us: int, *, closed: bool) -> StreamPosition:
    """Note what a batch's header claims. Claims only grow; a stream once closed stays closed."""
    if closed:
        return replace(position, closed=True)
    return replace(position, claimed_until_us=max(position.claimed_until_us, complete_until_us))


def runs(valid: Iterable[bool]) -> tuple[Span, ...]:
    """Maximal runs of true, as positions: the parts of a batch between torn calls."""
    found: list[Span] = []
    start: int | None = None
    end = 0
    for end, good in enumerate(valid, start=1):
        if good and start is None:
            start = end - 1
        elif not good and start is not None:
            found.append(Span(start, end - 1))
            start = None
    if start is not None:
        found.append(Span(start, end))
    return tuple(found)
