"""schemathesis over /openapi.json: whatever a client sends, there is no 5xx, and every status is a documented one.

Bounded: a few examples of each operation, the same ones in every run. Half of them name things that exist, so that the
requests get past "no such thing".
"""

import asyncio
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from tests.support.portal import portal, provider_with_api

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

EXAMPLES = 6
# They would sign the test out.
ENDS_THE_SESSION = {"delete_personal_access_token", "delete_session", "delete_current_session"}
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@dataclass
class Served:
    """The portal behind a real socket, and what a provider and developer owns there."""

    url: str
    document: dict[str, Any]
    token: str
    ids: dict[str, str]
    failures: list[str] = field(default_factory=list)


class Server:
    """portal-api in a thread with a loop of its own."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))
        self._server: uvicorn.Server | None = None
        self.served: Served | None = None

    def start(self) -> Served:
        self._thread.start()
        assert self._ready.wait(120)
        assert self.served is not None
        return self.served

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(30)

    async def _run(self) -> None:
        try:
            async with portal(self._database_url) as here:
                client = await here.signed_up("anything@example.com")
                ids = await provider_with_api(client, "Anything")
                terms = {"name": "App"}
                application = (await client.post("/v1/portal/anything/applications", json=terms)).json()["id"]
                async with here.service.engine.begin() as connection:
                    await connection.execute(text("delete from idempotency_keys"))
                self._server = uvicorn.Server(
                    uvicorn.Config(here.service.app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
                )
                serving = asyncio.get_running_loop().create_task(self._server.serve())
                while not self._server.started:  # noqa: ASYNC110 - uvicorn announces it nowhere
                    await asyncio.sleep(0.05)
                port = self._server.servers[0].sockets[0].getsockname()[1]
                token = client.headers["Authorization"]
                known = {**ids, "application": application, "organization": "anything"}
                self.served = Served(f"http://127.0.0.1:{port}", here.service.app.openapi(), token, known)
                self._ready.set()
                await serving
        finally:
            self._ready.set()


@pytest.fixture(scope="module")
def served(database: Callable[[str], str]) -> Iterator[Served]:
    server = Server(database("any_input"))
    yield server.start()
    server.stop()


def known_ids(served: Served, path: str) -> dict[str, str]:
    """The path's parameters, as far as something of that kind exists."""
    owner = path.split("/")[2] if path.count("/") > 1 else ""
    of_id = {"apis": "api", "plans": "plan", "applications": "application", "organizations": "organization"}
    found = {name: served.ids[name] for name in ("organization", "project") if name in served.ids}
    if owner in of_id:
        found["id"] = served.ids[of_id[owner]]
    return found


def run_operation(served: Served, operation: Any) -> int:
    """A few requests; what they answer is checked. Returns how many."""
    sent = 0
    known = known_ids(served, operation.path)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans())
    def requests(case: Any, real: bool) -> None:
        nonlocal sent
        if real and case.path_parameters:
            case.path_parameters = {
                **case.path_parameters,
                **{k: v for k, v in known.items() if k in case.path_parameters},
            }
        response = case.call(base_url=served.url, headers={"Authorization": served.token}, timeout=30)
        sent += 1
        case.validate_response(response, checks=CHECKS)

    requests()
    return sent


@pytest.mark.timeout(900)
def test_no_request_gets_a_5xx_or_an_undocumented_status(served: Served) -> None:
    schema = schemathesis.openapi.from_dict(served.document)
    failures: list[str] = []
    sent = operations = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.definition.raw.get("operationId") in ENDS_THE_SESSION:
            continue
        operations += 1
        try:
            sent += run_operation(served, operation)
        except BaseException as failure:
            if isinstance(failure, KeyboardInterrupt):
                raise
            failures.append(f"{operation.label}: {describe(failure)}")
    assert operations > 60
    assert sent > 200
    assert not failures, "\n\n".join(failures)
    me = httpx.get(f"{served.url}/v1/users/me", headers={"Authorization": served.token}, timeout=30)
    assert me.status_code == 200, "the requests were signed in to the end"


def describe(failure: BaseException) -> str:
    """The innermost messages of a group."""
    if isinstance(failure, BaseExceptionGroup):
        return " | ".join(describe(one) for one in failure.exceptions)
    return f"{type(failure).__name__}: {str(failure)[:700]}"
