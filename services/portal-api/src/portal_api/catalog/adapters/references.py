"""References inside of a parsed document: which lead outside, and which lead nowhere but to themselves."""

from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]


def external_references(value: Any) -> Iterator[tuple[Place, str]]:
    """Those that would have to be fetched, with their places."""
    return ((place, ref) for place, ref in _references(value, ()) if not ref.startswith("#"))


def circular_references(document: Any) -> Iterator[tuple[Place, str]]:
    """Those whose target is a reference again, and so on until the first.

    A schema that contains itself further inside (a tree) is no such circle.
    """
    for place, ref in _references(document, ()):
        seen = {ref}
        target = _target(document, ref)
        while isinstance(target, dict) and isinstance(target.get("$ref"), str):
            following = target["$ref"]
            if following in seen:
                yield place, ref
                break
            seen.add(following)
            target = _target(document, following)


def _references(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield (*place, key), item
            else:
                yield from _references(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*place, index))


def _target(document: Any, ref: str) -> Any:
    """What a JSON pointer names (RFC 6901); None where it names nothing."""
    node = document
    for part in ref.removeprefix("#").strip("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict):
            node = node.get(name)
        elif isinstance(node, list) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        else:
            return None
    return node
