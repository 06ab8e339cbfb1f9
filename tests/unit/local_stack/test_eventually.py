"""The one way tests wait."""

from __future__ import annotations

import pytest
from tests.support.eventually import eventually


async def test_it_returns_the_first_true_answer() -> None:
    answers = iter([0, None, 7])
    assert await eventually(lambda: next(answers), timeout_seconds=5) == 7


async def test_it_awaits_coroutines_and_forgives_assertions() -> None:
    calls: list[int] = []

    async def check() -> str:
        calls.append(1)
        assert len(calls) > 2
        return "there"

    assert await eventually(check, timeout_seconds=5) == "there"


async def test_it_ends_with_the_message_and_what_was_seen() -> None:
    with pytest.raises(AssertionError, match=r"windows were published within 0.05 s; last seen: 0"):
        await eventually(lambda: 0, timeout_seconds=0.05, message="windows were published")


async def test_another_exception_is_not_swallowed() -> None:
    def check() -> bool:
        raise KeyError("broken test")

    with pytest.raises(KeyError):
        await eventually(check, timeout_seconds=5)
