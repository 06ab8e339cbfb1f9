"""Every list is paged by a cursor, newest first, ten at a time unless the caller says otherwise."""

from collections.abc import Iterable
from typing import Any

from stripe_double.errors import invalid
from stripe_double.store import Object
from stripe_double.work import Work


def page(work: Work, url: str, objects: Iterable[Object], params: dict[str, Any]) -> Object:
    """One page; `expand` paths start with `data.`."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(
            f"Invalid integer: limit must be between 1 and 100, not {limit}", "limit", "parameter_invalid_integer"
        )
    everything = list(objects)
    ids = [obj["id"] for obj in everything]
    after, before = params.get("starting_after"), params.get("ending_before")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None and cursor not in ids:
            raise invalid(f"No such object: '{cursor}'", name, "resource_missing")
    if before is not None:
        rest = everything[: ids.index(before)]
        shown, has_more = rest[-limit:], len(rest) > limit
    else:
        rest = everything[ids.index(after) + 1 :] if after is not None else everything
        shown, has_more = rest[:limit], len(rest) > limit
    return {"object": "list", "data": shown, "has_more": has_more, "url": url}
