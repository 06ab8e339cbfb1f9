"""Answers tell a caller its usage where its plan says so; nobody else can say it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.service.gateway.harness import Harness, request, running, status

from shared.events.envelope import encode
from shared.events.usage import UsageTotals

SAID = b"X-Tollway-Usage-Units: 12\r\nX-Tollway-Usage-Cost: 0.24 USD\r\n"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path) as harness:
        yield harness


def tell(gateway: Harness, version: int, *, number: int = 11, shown: bool = True) -> None:
    totals = UsageTotals(
        version=version, subscription_id=f"sub_{number}", subscription_number=number, shown=shown, units=12,
        amount_minor=24,
    )  # fmt: skip
    gateway.tables.apply_usage(totals.subscription_id, encode(totals))


async def test_an_answer_tells_its_callers_usage_and_no_others(gateway: Harness) -> None:
    tell(gateway, 1, number=12)
    assert b"X-Tollway-Usage" not in (await gateway.exchange(request()))[0]
    tell(gateway, 1)
    answer, _ = await gateway.exchange(request())
    assert status(answer) == 200 and answer.count(SAID) == 1
    tell(gateway, 2, shown=False)
    assert b"X-Tollway-Usage" not in (await gateway.exchange(request()))[0]


async def test_sandbox_calls_are_not_billed_and_told_nothing(gateway: Harness) -> None:
    tell(gateway, 1)
    answer, _ = await gateway.exchange(request(prefix=b"/dev/acme/reading/v1", credential=b"apikey: sandbox\r\n"))
    assert status(answer) == 200 and b"X-Tollway-Usage" not in answer


@pytest.mark.parametrize("told", [True, False])
async def test_an_upstreams_own_words_of_it_never_pass(gateway: Harness, told: bool) -> None:
    if told:
        tell(gateway, 1)
    names = ("Usage-Units", "Usage-Cost", "Usage-Until", "Quota-Limit", "Quota-Remaining")
    lines = "".join(f"X-Tollway-{name}: 666\r\n" for name in names).encode()
    gateway.upstream.script = b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 2\r\n\r\nok"
    answer, _ = await gateway.exchange(request(b"/books/scripted"))
    assert status(answer) == 200 and b"666" not in answer
    assert (SAID in answer) is told
