"""Which process a recorded number means: process ids are reused, so none is signalled unverified."""

from __future__ import annotations

from pathlib import Path

import psutil


def start_token(pid: int) -> str | None:
    """When the process started, in the kernel's own words; None when there is no such (living) process.

    Linux: clock ticks since boot, which does not move when the wall clock is set.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            # The name, in parentheses, may hold blanks: everything after the last ")" is regular.
            after_name = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if after_name[0] in "ZX" else after_name[19]
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def is_alive(pid: int | None, token: str | None) -> bool:
    """Whether exactly that process still runs."""
    return pid is not None and token is not None and start_token(pid) == token
