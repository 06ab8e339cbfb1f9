"""Generate the JSON Schemas of all events: `python -m shared.events.schemas` writes them, a test checks them."""

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from shared.events import billing, catalog, gateway, identity, subscriptions, usage
from shared.events.envelope import Event, event_type

FOLDER = Path(__file__).parent / "schemas"


def event_classes() -> dict[str, type[Event]]:
    """Every event class by its type, e.g. `subscription.changed.v1`."""
    found: dict[str, type[Event]] = {}
    for module in (billing, catalog, gateway, identity, subscriptions, usage):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__:
                found[event_type(value)] = value
    return dict(sorted(found.items()))


def schema_text(kind: type[Event]) -> str:
    """The schema file's content."""
    return json.dumps(_with_clean_descriptions(msgspec.json.schema(kind)), indent=2, sort_keys=True) + "\n"


def _with_clean_descriptions(schema: Any) -> Any:
    """Docstrings come with their indentation up to Python 3.12 and without it from 3.13 on."""
    if isinstance(schema, dict):
        return {
            name: inspect.cleandoc(value)
            if name == "description" and isinstance(value, str)
            else _with_clean_descriptions(value)
            for name, value in schema.items()
        }
    return [_with_clean_descriptions(value) for value in schema] if isinstance(schema, list) else schema


def main() -> None:
    """Write all schemas."""
    FOLDER.mkdir(exist_ok=True)
    for name, kind in event_classes().items():
        (FOLDER / f"{name}.json").write_text(schema_text(kind))


if __name__ == "__main__":
    main()
