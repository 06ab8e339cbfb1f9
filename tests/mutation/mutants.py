"""What is changed: every place that Cosmic Ray's operators know, and every row of a lifecycle table."""

import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import ModuleType

from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module's changed source, and the change in a line."""

    source: str
    change: str


def mutants_of(source: str, table: str | None) -> Iterator[Mutant]:
    """All of them, each with one change."""
    for name in operator_names():
        operator = get_operator(name)
        if operator.arguments():
            continue
        for occurrence in count():
            changed = mutate_code(source, operator(), occurrence)
            if changed is None:
                break
            yield Mutant(changed, _difference(source, changed))
    if table is not None:
        yield from _rows_changed(source, table)


def _rows_changed(source: str, table: str) -> Iterator[Mutant]:
    """A row dropped, a row that leads elsewhere, a row that should not be there. The table is (from, event) -> to."""
    rows = _rows(source, table)
    statuses = sorted({str(to) for to in rows.values()})
    for (start, event), to in rows.items():
        yield _row_mutant(source, f"{table}.pop(({start!r}, {str(event)!r}))")
        other = next(status for status in statuses if status != to)
        yield _row_mutant(source, f"{table}[({start!r}, {str(event)!r})] = {other!r}")
    for start in sorted({start for start, _ in rows}, key=str):
        for event in sorted({event for _, event in rows}, key=str):
            if (start, event) not in rows:
                yield _row_mutant(source, f"{table}[({start!r}, {str(event)!r})] = {statuses[0]!r}")


def _rows(source: str, table: str) -> Mapping[tuple[object, object], object]:
    """The table, without leaving the module behind: it must be imported changed."""
    module = ModuleType("tests.mutation.table")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, table, "exec", dont_inherit=True), module.__dict__)
        rows: Mapping[tuple[object, object], object] = module.__dict__[table]
    finally:
        del sys.modules[module.__name__]
    return rows


def _row_mutant(source: str, change: str) -> Mutant:
    # A StrEnum's member is equal to its text, so that the text finds the row.
    return Mutant(f"{source}\n{change}\n", change)


def _difference(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    changed = [line for line in lines if line[:2] not in ("--", "++", "@@")]
    old = " ".join(line[1:].strip() for line in changed if line.startswith("-"))
    new = " ".join(line[1:].strip() for line in changed if line.startswith("+"))
    return f"{old} -> {new}"
