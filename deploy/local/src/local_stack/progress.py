"""The lines that `make up` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """One thing that happened to one part of the stack."""

    name: str
    what: str
    seconds: float | None = None
    address: str = ""

    def __str__(self) -> str:
        time_taken = "" if self.seconds is None else f"{self.seconds:6.1f} s"
        return f"{self.name:<14} {self.what:<9} {time_taken}   {self.address}".rstrip()
