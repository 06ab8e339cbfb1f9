"""What a person sees: a line per step, and at the end everything needed for trying by hand.

No observed value, URL or credential is ever cut or broken in two: they are there to be copied. In a terminal a long
line continues below, between words; elsewhere (a log, a file) a step is one plain line.
"""

import textwrap
from contextlib import AbstractContextManager

from rich.console import Console
from rich.text import Text

TITLE_WIDTH = 38
INDENT = 13


class Display:
    """Lines of the journey on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def working(self, what: str) -> AbstractContextManager[object]:
        """A sign of life while a step runs (terminals only)."""
        return self._console.status(Text(what))

    def line(self, text: str = "", style: str = "") -> None:
        """Plain text, as it is."""
        self._console.print(Text(text, style), soft_wrap=True)

    def step(self, number: str, ok: bool, title: str, milliseconds: int, observed: str) -> None:
        """One step's outcome."""
        mark, style = ("ok", "green") if ok else ("FAILED", "bold red")
        head = f"{number:>3}  {mark:<6}  {title:<{TITLE_WIDTH}} {milliseconds:>6} ms"
        if not self._console.is_terminal:
            self.line(f"{head}  {observed}")
            return
        text = Text(head)
        text.stylize(style, 5, 5 + len(mark))
        if len(head) + 2 + len(observed) <= self._console.width:
            self._console.print(text.append(f"  {observed}"), soft_wrap=True)
            return
        self._console.print(text, soft_wrap=True)
        for line in _wrapped(observed, self._console.width - INDENT):
            self.line(" " * INDENT + line)

    def values(self, rows: list[tuple[str, str]]) -> None:
        """Names and values."""
        widest = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.line(f"{name:<{widest}}  {value}")


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False)
