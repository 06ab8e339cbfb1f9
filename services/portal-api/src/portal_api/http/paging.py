"""Cursor paging: `?limit=&after=` -> `{"data": [...], "has_more": bool, "next": str | null}`.

The cursor is the id of the last element; ids are ULIDs, so the order is that of creation and a page never shifts.
Repositories are asked for one element more than the page holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

T = TypeVar("T")
S = TypeVar("S")


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    has_more: bool = Field(description="Whether there are elements after this page.")
    next: str | None = Field(description="Pass it as `after` to get the next page; null on the last one.")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is wanted. `fetch` is what a repository is asked for."""

    limit: int
    after: str | None

    @property
    def fetch(self) -> int:
        """One more than the page, to know whether there is more."""
        return self.limit + 1

    def page(self, rows: Sequence[S], view: Callable[[S], T], cursor: Callable[[S], str]) -> Page[T]:
        """Cut `rows` (fetched with `fetch`) to the page."""
        shown = rows[: self.limit]
        has_more = len(rows) > self.limit
        following = cursor(shown[-1]) if has_more and shown else None
        return Page(data=[view(row) for row in shown], has_more=has_more, next=following)


def _paging(
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many elements.")] = 20,
    after: Annotated[str | None, Query(max_length=100, description="The `next` of the page before.")] = None,
) -> Paging:
    return Paging(limit, after)


PageQuery = Annotated[Paging, Depends(_paging)]
