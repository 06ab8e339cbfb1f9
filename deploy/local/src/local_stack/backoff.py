"""How long a crashed process waits before it is started again."""

from __future__ import annotations

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STABLE_AFTER_SECONDS = 60.0


def restart_delay_seconds(crashes_in_a_row: int) -> float:
    """Doubles with each crash and is bounded: a broken service neither burns the machine nor stays away for long."""
    doublings = min(max(crashes_in_a_row - 1, 0), 16)
    return float(min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**doublings))


def crashes_after_exit(crashes_before: int, *, lived_seconds: float) -> int:
    """A process that lived long enough starts with a clean slate."""
    return 1 if lived_seconds >= STABLE_AFTER_SECONDS else crashes_before + 1
