"""The schemas that other readers rely on are those of the models, and every example ever committed still parses."""

from pathlib import Path

import pytest

from shared.events.envelope import Event, decode, encode, event_type
from shared.events.schemas import FOLDER, event_classes, schema_text

EXAMPLES = Path(__file__).parent / "examples"


@pytest.mark.parametrize("name", sorted(event_classes()))
def test_committed_schema_is_current(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == schema_text(event_classes()[name]), (
        "run python -m shared.events.schemas"
    )


def test_no_schema_without_a_model() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(event_classes())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_old_examples_still_parse(path: Path) -> None:
    """An example is never edited: a change that breaks it breaks records that lie in Kafka."""
    kind: type[Event] = event_classes()[path.stem.rpartition("@")[0]]
    event = decode(path.read_bytes(), kind)
    assert event_type(event) == path.stem.rpartition("@")[0]
    assert decode(encode(event), kind) == event


def test_every_event_has_an_example() -> None:
    assert {path.stem.rpartition("@")[0] for path in EXAMPLES.glob("*.json")} == set(event_classes())


@pytest.mark.parametrize("name", sorted(event_classes()))
def test_unknown_fields_of_newer_writers_are_ignored(name: str) -> None:
    example = next(EXAMPLES.glob(f"{name}@*.json")).read_text().strip()
    newer = example[:-1] + ', "a_field_of_tomorrow": {"x": 1}}'
    assert decode(newer.encode(), event_classes()[name]) == decode(example.encode(), event_classes()[name])
