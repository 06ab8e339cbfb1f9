"""What each step of a call costs inside the process, without sockets: `python -m benchmarks.gateway.features`.

Prints a JSON object of microseconds a call, the best of many batches, so that a busy machine changes it little.
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.gateway.rivals import BODY
from benchmarks.gateway.world import HOST, ISSUER, PREFIX, World

import gateway
from gateway.adapters.access_token import AccessTokens
from gateway.adapters.refusal_counts import RefusalCounts
from gateway.adapters.stream_files import StreamFiles
from gateway.adapters.tables import GatewayTables
from gateway.adapters.write_ahead_log import WriteAheadLog
from gateway.domain.admitted_call import Admitted
from gateway.domain.request_head import RequestHead
from gateway.domain.response_head import ResponseHead
from gateway.entrypoints.upstream_request import Forwarding, upstream_request
from gateway.use_cases import CallGate
from shared.clock import SystemClock
from shared.events.envelope import encode
from shared.events.topics import CATALOG_APIS, IDENTITY_CREDENTIALS, IDENTITY_SIGNING_KEYS, SUBSCRIPTIONS_ACCESS

COLD = "verify a token, never seen"


def _best(step: Callable[[], object], calls: int, batches: int) -> float:
    best = float("inf")
    for _ in range(batches):
        began = time.thread_time_ns()
        for _ in range(calls):
            step()
        best = min(best, (time.thread_time_ns() - began) / calls / 1000)
    return best


def prices(directory: Path) -> dict[str, float]:
    """Microseconds of each step, and of an empty one."""
    world, clock = World(), SystemClock()
    tokens = AccessTokens(ISSUER)
    tables = GatewayTables(tokens)
    tables.is_fresh = True
    apply = {
        CATALOG_APIS.name: tables.apply_api,
        IDENTITY_SIGNING_KEYS.name: tables.apply_signing_key,
        IDENTITY_CREDENTIALS.name: tables.apply_credential,
        SUBSCRIPTIONS_ACCESS.name: tables.apply_access,
    }
    for topic, key, state in world.states(80):
        apply[topic.name](key, encode(state))
    files = StreamFiles.create(directory, partitions=8, segment_records=170_000, open_slots=64)
    log = WriteAheadLog(files, clock, max_bytes=1 << 30)
    gate = CallGate(tables, tokens, log, RefusalCounts(clock), clock, max_body_bytes=1 << 20)
    token = world.token(0).encode()
    raw = (
        b"GET %b/orders/ord_1 HTTP/1.1\r\nHost: %b\r\nUser-Agent: example-sdk/3.4.1\r\nAccept: application/json\r\n"
        b"Accept-Encoding: gzip, deflate\r\nAuthorization: Bearer %b\r\nX-Request-Id: 0123456789abcdef\r\n\r\n"
    ) % (PREFIX.encode(), HOST.encode(), token)
    answer = (
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 26 Nov 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n"
    ) % len(BODY)
    head, response = RequestHead(), ResponseHead()
    if head.read(raw) is not None:
        raise RuntimeError("the request is refused")
    call = gate.admit(head, b"127.0.0.1")
    if not isinstance(call, Admitted):
        raise RuntimeError(f"the call is refused: {call}")
    claims = tokens.verify(token)
    credential = tables.client(world.clients[0])
    entry = None if credential is None else tables.access(credential.application_id, "api_orders", False)
    if isinstance(claims, str) or credential is None or entry is None:
        raise RuntimeError("the tables lack what was put there")
    application = credential.application_id

    fresh = iter([world.token(number).encode() for number in range(2_000)])

    body = BODY.encode()

    def record() -> None:
        slot = log.open_call(1, 2, 3, 4, 5, 0)
        log.request_id(slot)
        log.append(slot, 0, 513, 1, 100, 100, 200, 1)

    forwarding, address = Forwarding(), b"127.0.0.1"

    def pass_on() -> None:
        upstream_request(head, call, forwarding.lines(address, b"http", head.host))

    answers = itertools.cycle((answer, answer.replace(b"2026", b"2027")))

    def other_answer() -> None:
        response.read(next(answers))
        response.framing = response.length_line
        response.render(call.headers, call.request_id, b"\r\n", body)

    def same_answer() -> None:
        response.read(answer)
        response.framing = response.length_line
        response.render(call.headers, call.request_id, b"\r\n", body)

    steps: dict[str, Callable[[], object]] = {
        "nothing (the measuring itself)": lambda: None,
        "read the request's head": lambda: head.read(raw),
        "find the route": lambda: tables.find_route(head.target),
        "verify the token, known": lambda: tokens.verify(token),
        COLD: lambda: tokens.verify(next(fresh)),
        "find the access entry": lambda: tables.access(application, "api_orders", False),
        "rate limit and its headers": lambda: entry.limiter.take(time.monotonic_ns()),
        "durable record (open, append)": record,
        "write the upstream's head": pass_on,
        "read and write the answer's head": other_answer,
        "the same, when it is as the last one's": same_answer,
    }
    found = {
        name: round(_best(step, 50, 40) if name == COLD else _best(step, 300, 200), 2) for name, step in steps.items()
    }
    log.close()
    return found


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-features-") as directory:
        sys.stdout.write(json.dumps({"form": gateway.FORM, "steps": prices(Path(directory))}) + "\n")


if __name__ == "__main__":
    asyncio.run(_main())
