"""Draws the lifecycle table: `python -m subscriptions.domain.diagram docs/flows/subscription.md`."""

import sys
from collections import defaultdict
from pathlib import Path

from subscriptions.domain.lifecycle import ENDED, TABLE

BEGIN = "<!-- lifecycle diagram: drawn by `python -m subscriptions.domain.diagram <this file>`, do not edit -->"
END = "<!-- end of the lifecycle diagram -->"


def draw() -> str:
    """The diagram, in the order of the table, happenings with the same ends on one arrow."""
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (before, happening), after in TABLE.items():
        if before != after:
            arrows[before or "[*]", after].append(happening.value.replace(": ", " says "))
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {before} --> {after}: {', '.join(labels)}" for (before, after), labels in arrows.items()]
    lines += [f"    {status} --> [*]" for status in ENDED]
    return "\n".join([*lines, "```"])


def redraw(page: str) -> str:
    """The page with the present diagram between its two marks."""
    head, _, rest = page.partition(BEGIN)
    _, mark, tail = rest.partition(END)
    if not mark:
        raise ValueError("the page lacks the marks of the diagram")
    return f"{head}{BEGIN}\n{draw()}\n{END}{tail}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(redraw(path.read_text()))
