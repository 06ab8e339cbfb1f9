"""What is kept and given again, for whom and for how long; each answer is a call all the same."""

import hashlib
from pathlib import Path

import pytest
from tests.service.gateway import builders
from tests.service.gateway.harness import Harness, request, running, status
from tests.service.gateway.test_policies import attach

from shared.events.call_record import FLAG_BILLABLE
from shared.events.catalog import Policy
from shared.events.envelope import encode
from shared.events.identity import CredentialState, KeyHash

CACHE = Policy(kind="response-cache", config={"max_bytes": 1000})
STATUS, FLAGS, UNITS = 12, 13, 9


def says(*lines: bytes, body: bytes = b"kept", code: int = 200) -> bytes:
    head = [b"HTTP/1.1 %d Fine" % code, *lines, b"Content-Length: %d" % len(body), b"", b""]
    return b"\r\n".join(head) + body


async def get(gateway: Harness, headers: bytes = b"", **options: bytes) -> bytes:
    answer, _ = await gateway.exchange(request(b"/books/scripted", headers, **options))
    return answer


async def test_a_kept_answer_has_its_age_and_is_a_recorded_billable_call(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(
            gateway,
            CACHE,
            Policy(kind="units-from-header", config={"header": "X-Units"}),
            Policy(kind="response-headers", config={"set": [{"name": "X-Served-By", "value": "us"}]}),
        )
        gateway.upstream.script = says(b"Cache-Control: max-age=60", b"Age: 7", b"X-Units: 5", b'ETag: "a"')
        first, second = await get(gateway), await get(gateway)
        assert len(gateway.upstream.received) == 1
        assert second.endswith(b"\r\n\r\nkept")
        assert b"\r\nAge: 7\r\n" in second
        assert b"Cache-Status: tollway; hit" in second
        assert b"Cache-Status" not in first
        assert second.count(b"X-Served-By: us") == 1
        assert b"X-Units" not in second
        assert [(one[UNITS], one[STATUS], one[FLAGS]) for one in gateway.records()] == [(5, 200, FLAG_BILLABLE)] * 2
        head = await get(gateway, method=b"HEAD")
        assert (status(head), head.endswith(b"\r\n\r\n"), b"Content-Length: 4" in head) == (200, True, True)
        unchanged = await get(gateway, b'If-None-Match: "b", W/"a"\r\n')
        assert (status(unchanged), unchanged.endswith(b"\r\n\r\n")) == (304, True)
        assert len(gateway.upstream.received) == 1
        assert len(gateway.records()) == 4


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ((b"Cache-Control: max-age=60",), True),
        ((b"Cache-Control: public, s-maxage=60, max-age=0",), True),
        ((b"Expires: Fri, 01 Jan 2100 00:00:00 GMT",), True),
        ((b"Cache-Control: max-age=60", b"Transfer-Encoding: chunked"), True),
        # Nothing is guessed.
        ((), False),
        ((b"Last-Modified: Fri, 01 Jan 2010 00:00:00 GMT",), False),
        ((b"Expires: 0",), False),
        ((b"Cache-Control: max-age=soon",), False),
        ((b"Cache-Control: max-age=60", b"Cache-Control: max-age=90"), False),
        ((b"Cache-Control: max-age=60", b"Age: 60"), False),
        ((b"Cache-Control: max-age=60", b"Date: Fri, 01 Jan 2010 00:00:00 GMT"), False),
        ((b"Cache-Control: s-maxage=0, max-age=60",), False),
        # Nobody else's.
        ((b"Cache-Control: private, max-age=60",), False),
        ((b'Cache-Control: private="x", max-age=60',), False),
        ((b"Cache-Control: no-store, max-age=60",), False),
        ((b"Cache-Control: no-cache, max-age=60",), False),
        ((b'Cache-Control: max-age=60, "',), False),
        ((b"Cache-Control: public, max-age=60", b"Set-Cookie: a=b"), False),
        ((b"Cache-Control: max-age=60", b"Vary: *"), False),
        ((b"Cache-Control: max-age=60", b"Vary: Accept, X-Request-Id"), False),
    ],
)
async def test_what_is_kept(lines: tuple[bytes, ...], kept: bool, tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(gateway, CACHE)
        gateway.upstream.script = says(*lines)
        if b"Transfer-Encoding: chunked" in lines:
            head = b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""])
            gateway.upstream.script = head + b"2;a=b\r\nke\r\n2\r\npt\r\n0\r\nX-T: 1\r\n\r\n"
        answers = [await get(gateway), await get(gateway)]
        assert [status(one) for one in answers] == [200, 200]
        assert len(gateway.upstream.received) == (1 if kept else 2)
        if kept:
            assert answers[1].endswith(b"\r\n\r\nkept")


@pytest.mark.parametrize(
    "answer",
    [
        says(b"Cache-Control: max-age=60", code=500),
        says(b"Cache-Control: max-age=60", code=206),
        says(b"Cache-Control: max-age=60", body=b"x" * 1001),
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\nConnection: close\r\n\r\ncut",
    ],
    ids=["failed", "partial", "too large", "cut"],
)
async def test_what_is_not_whole_or_too_large_is_not_kept(answer: bytes, tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(gateway, CACHE)
        gateway.upstream.script = answer
        await get(gateway)
        assert gateway.cache.bytes == 0


async def test_an_answer_is_its_consumers_own_unless_it_is_public(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        other = CredentialState(
            version=1, credential_id="key_other", kind="api_key", application_id="app_1", application_number=4,
            organization_id="org_1", environment="production", status="active",
            key_hashes=(KeyHash(sha256=hashlib.sha256(b"other").hexdigest()),),
        )  # fmt: skip
        gateway.tables.apply_credential(other.credential_id, encode(other))
        for version, said, calls in ((3, b"max-age=60", 2), (4, b"public, max-age=60", 3)):
            attach(gateway, CACHE, version=version)  # a change of the API begins with nothing
            gateway.upstream.script = says(b"Cache-Control: " + said)
            for key in (builders.API_KEY.encode(), b"other"):
                assert status(await get(gateway, credential=b"X-API-Key: " + key + b"\r\n")) == 200
            assert len(gateway.upstream.received) == calls


async def test_vary_and_what_the_caller_asks_for(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(gateway, CACHE)
        gateway.upstream.script = says(b"Cache-Control: max-age=60", b"Vary: Accept-Language")
        seen = []
        for headers in (
            b"Accept-Language: de\r\n",
            b"accept-language: de\r\n",
            b"Accept-Language: fr\r\n",
            b"",
            b"Accept-Language: de\r\nCache-Control: no-cache\r\n",
            b"Accept-Language: de\r\nPragma: no-cache\r\n",
            b"Accept-Language: de\r\nCache-Control: no-store\r\n",
            b"Accept-Language: de\r\nCache-Control: min-fresh=100\r\n",
            b"Accept-Language: de\r\nRange: bytes=0-1\r\n",
            b"Accept-Language: de\r\n",
        ):
            await get(gateway, headers)
            seen.append(len(gateway.upstream.received))
        assert seen == [1, 1, 2, 3, 4, 5, 6, 7, 8, 8]
        answer = await get(gateway, b"Accept-Language: it\r\nCache-Control: only-if-cached\r\n")
        assert (status(answer), len(gateway.upstream.received)) == (504, 8)


async def test_a_change_drops_what_is_kept_of_its_address(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        # Attached to the operation GET alone: the others of the address invalidate all the same.
        attach(gateway, Policy(kind="response-cache", config={}, operations=(1,)))
        gateway.upstream.script = says(b"Cache-Control: max-age=60")
        await get(gateway)
        await get(gateway)
        await get(gateway, b"Content-Length: 0\r\n", method=b"PUT")
        assert gateway.cache.bytes == 0
        await get(gateway)
        assert len(gateway.upstream.received) == 3


async def test_memory_is_bounded(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(gateway, Policy(kind="response-cache", config={"max_bytes": 300_000}))
        gateway.upstream.script = says(b"Cache-Control: max-age=60", body=b"x" * 200_000)
        for number in range(10):
            await gateway.exchange(request(b"/books/scripted?n=%d" % number))
            assert gateway.cache.bytes <= 1 << 20
        before = len(gateway.upstream.received)
        await gateway.exchange(request(b"/books/scripted?n=9") + request(b"/books/scripted?n=0"))
        assert len(gateway.upstream.received) == before + 1
