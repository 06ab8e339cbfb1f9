"""The order of admission, and the problem that each refusal names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.service.gateway import builders

from gateway.adapters.access_token import AccessTokens
from gateway.adapters.refusal_counts import RefusalCounts
from gateway.adapters.stream_files import StreamFiles
from gateway.adapters.tables import GatewayTables
from gateway.adapters.write_ahead_log import WriteAheadLog
from gateway.domain.admitted_call import Admitted, Wait
from gateway.domain.cross_origin import Reply
from gateway.domain.problems import Refusal
from gateway.domain.request_head import RequestHead
from gateway.use_cases import CallGate
from shared.clock import FixedClock, real_now
from shared.events.catalog import RateLimit
from shared.events.envelope import State, encode

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = builders.SigningKey()


class World:
    def __init__(self, directory: Path) -> None:
        self.clock = FixedClock(NOW)
        self.now_ns = 5
        self.real_seconds = real_now().timestamp()
        tokens = AccessTokens(builders.ISSUER, seconds=lambda: self.real_seconds)
        self.tables = GatewayTables(tokens)
        self.tables.is_fresh = True
        self.version = 1
        files = StreamFiles.create(directory, partitions=8, segment_records=100, open_slots=8)
        self.log = WriteAheadLog(files, self.clock, max_bytes=1 << 20)
        self.gate = CallGate(
            self.tables,
            tokens,
            self.log,
            RefusalCounts(self.clock),
            self.clock,
            max_body_bytes=100,
            monotonic_ns=lambda: self.now_ns,
        )
        self.tables.apply_api("api_1", encode(builders.api("http://upstream.test")))
        for one in (builders.client(), builders.api_key(), builders.api_key(key="sandbox", environment="sandbox")):
            self.tables.apply_credential(one.credential_id, encode(one))
        self.tables.apply_signing_key(KEY.kid, encode(KEY.state()))
        self.allow()

    def put(self, apply: object, key: str, state: State) -> None:
        apply(key, encode(state))  # type: ignore[operator]

    def allow(self, *limits: RateLimit, **changed: object) -> None:
        self.version += 1
        entry = builders.access(builders.allowed(*limits, **changed), version=self.version)
        self.tables.apply_access("app_1/api_1", encode(entry))

    def call(
        self, path: str = "/acme/reading/v1/books/1", *, key: str | None = builders.API_KEY, token: str = "",
        method: str = "GET", length: int = -1,
    ) -> Admitted | Refusal | Wait | Reply:  # fmt: skip
        head = RequestHead()
        head.begin(method.encode(), path.encode(), False)
        if token:
            head.authorization = b"Bearer " + token.encode()
        elif key is not None:
            head.api_key = key.encode()
        head.length = length
        return self.gate.admit(head, b"192.0.2.1")

    def refusal(self, *args: str, **kwargs: object) -> tuple[int, str]:
        outcome = self.call(*args, **kwargs)  # type: ignore[arg-type]
        assert isinstance(outcome, Refusal), outcome
        return outcome.problem.status, outcome.problem.name


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_call_with_credential_and_access_is_admitted(world: World) -> None:
    for outcome in (world.call(), world.call(token=KEY.token())):
        assert isinstance(outcome, Admitted)
        assert (outcome.rest, outcome.access.subscription, outcome.sandbox) == (b"/books/1", 11, False)
    assert world.log.open_count == 2


def test_routes_come_first(world: World) -> None:
    assert world.refusal("/nobody/reading/v1/books", key=None) == (404, "no-such-api")
    assert world.refusal("/acme/reading", key=None) == (404, "no-such-api")
    assert world.refusal("/acme/reading/v1/nothing/at/all", key=None) == (404, "no-such-operation")
    assert world.refusal("/acme/reading/v1/books/1", method="PATCH", key=None) == (405, "method-not-allowed")
    outcome = world.call("/acme/reading/v1/books/1", method="PATCH")
    assert isinstance(outcome, Refusal)
    assert outcome.headers == b"Allow: DELETE, GET, POST, PUT\r\n"


def test_lifecycle_comes_before_credentials(world: World) -> None:
    for version, lifecycle, expected in ((2, "blocked", (403, "api-blocked")), (3, "retired", (410, "api-retired"))):
        state = builders.api("http://upstream.test", version=version, lifecycle=lifecycle)  # type: ignore[arg-type]
        world.put(world.tables.apply_api, "api_1", state)
        assert world.refusal(key=None) == expected


def test_deprecated_apis_say_so(world: World) -> None:
    world.put(world.tables.apply_api, "api_1", builders.api("http://u.test", version=2, lifecycle="deprecated"))
    outcome = world.call()
    assert isinstance(outcome, Admitted)
    assert b"Deprecation: true" in outcome.headers


def test_credentials(world: World) -> None:
    assert world.refusal(key=None) == (401, "missing-credentials")
    assert world.refusal(key="unknown") == (401, "unknown-api-key")
    assert world.refusal(token="forged") == (401, "invalid-token")
    assert world.refusal(token=KEY.token(aud="org_2")) == (401, "invalid-token")
    now = int(real_now().timestamp())
    assert world.refusal(token=KEY.token(exp=now - 1, iat=now - 9)) == (401, "expired-token")
    outcome = world.call(token="forged")
    assert isinstance(outcome, Refusal)
    assert b'error="invalid_token", error_description=' in outcome.headers


def test_what_is_known_of_a_caller_ends_with_the_first_change(world: World) -> None:
    token = KEY.token()

    def assert_admitted() -> None:
        for _ in range(2):  # asked from the tables, then known
            assert isinstance(world.call(token=token), Admitted)

    assert_admitted()
    world.allow(allowed=False, reason="no-subscription")
    assert world.refusal(token=token) == (403, "no-subscription")
    world.allow()
    assert_admitted()
    world.put(world.tables.apply_credential, "client_1", builders.client(version=2, status="revoked"))
    assert world.refusal(token=token) == (401, "invalid-token")
    world.put(world.tables.apply_credential, "client_1", builders.client(version=3))
    assert_admitted()
    world.tables.apply_signing_key(KEY.kid, None)
    assert world.refusal(token=token) == (401, "invalid-token")


def test_what_is_known_of_a_caller_does_not_outlive_the_token(world: World) -> None:
    token = KEY.token()
    assert isinstance(world.call(token=token), Admitted)
    world.real_seconds += 700
    world.now_ns += 1_000_000_000
    assert world.refusal(token=token) == (401, "expired-token")
    world.real_seconds -= 700
    short = KEY.token(exp=int(real_now().timestamp()) + 1)
    assert isinstance(world.call(token=short), Admitted)
    world.real_seconds += 2
    world.now_ns += 999_999_999  # within the second that a caller stays known, behind the end of the token
    assert world.refusal(token=short) == (401, "expired-token")


def test_a_revoked_client_and_an_old_generation_are_refused(world: World) -> None:
    token = KEY.token(gen=1)
    world.put(world.tables.apply_credential, "client_1", builders.client(version=2, min_generation=2))
    assert world.refusal(token=token) == (401, "invalid-token")
    assert isinstance(world.call(token=KEY.token(gen=2)), Admitted)
    world.put(world.tables.apply_credential, "client_1", builders.client(version=1))  # late and older
    assert world.refusal(token=token) == (401, "invalid-token")
    world.put(world.tables.apply_credential, "client_1", builders.client(version=3, status="revoked"))
    assert world.refusal(token=KEY.token(gen=9)) == (401, "invalid-token")


def test_an_api_key_ends_on_time_and_a_rotated_one_is_gone(world: World) -> None:
    past = real_now() - timedelta(seconds=1)
    world.put(world.tables.apply_credential, "key_production", builders.api_key(version=2, valid_until=past))
    assert world.refusal() == (401, "unknown-api-key")
    world.put(world.tables.apply_credential, "key_production", builders.api_key(version=3, key="new"))
    assert world.refusal() == (401, "unknown-api-key")
    assert isinstance(world.call(key="new"), Admitted)


def test_environments_are_kept_apart(world: World) -> None:
    assert world.refusal("/dev/acme/reading/v1/books/1") == (403, "wrong-environment")
    assert world.refusal(key="sandbox") == (403, "wrong-environment")
    outcome = world.call("/dev/acme/reading/v1/books/1", key="sandbox")
    assert isinstance(outcome, Admitted)
    assert outcome.sandbox


@pytest.mark.parametrize("reason", ["subscription-ended", "payment-overdue", "payment-pending", "subscription-paused"])
def test_the_entrys_reason_is_the_problem(world: World, reason: str) -> None:
    world.allow(allowed=False, reason=reason)
    assert world.refusal() == (403, reason)


def test_access_ends_and_resumes_on_business_time(world: World) -> None:
    world.allow(valid_until=NOW + timedelta(days=1))
    assert isinstance(world.call(), Admitted)
    world.clock.advance(timedelta(days=1))
    assert world.refusal() == (403, "subscription-ended")
    world.allow(blocked_until=world.clock.now() + timedelta(hours=1), blocked_reason="quota-reached")
    assert world.refusal() == (429, "quota-reached")
    world.clock.advance(timedelta(hours=1))
    assert isinstance(world.call(), Admitted)


def test_rate_limits_refuse_with_retry_after_and_survive_an_update(world: World) -> None:
    limit = RateLimit(count=2, per_seconds=10)
    world.allow(limit)
    for left in (1, 0):
        outcome = world.call()
        assert isinstance(outcome, Admitted)
        assert b"X-RateLimit-Remaining: %d\r\n" % left in outcome.headers
    world.allow(limit)
    outcome = world.call()
    assert isinstance(outcome, Refusal)
    assert (outcome.problem.status, outcome.problem.name) == (429, "rate-limited")
    assert b"Retry-After: 5\r\n" in outcome.headers
    assert b'RateLimit-Policy: "10s";q=2;w=10\r\nRateLimit: "10s";r=0;t=10\r\n' in outcome.headers


def test_young_tokens_wait_for_the_tables(world: World) -> None:
    young = int(real_now().timestamp())
    assert isinstance(world.call(token=KEY.token(client_id="client_9")), Wait)
    assert world.refusal(token=KEY.token(client_id="client_9", aud="org_2")) == (401, "invalid-token")
    world.tables.apply_access("app_1/api_1", None)
    assert isinstance(world.call(token=KEY.token(iat=young)), Wait)
    assert world.refusal(token=KEY.token(iat=young - 60)) == (403, "no-subscription")
    assert world.refusal() == (403, "no-subscription")


def test_large_bodies_stale_tables_and_a_full_log_are_refused(world: World) -> None:
    assert world.refusal(length=101) == (413, "payload-too-large")
    for _ in range(8):
        assert isinstance(world.call(), Admitted)
    assert world.refusal() == (503, "recording-unavailable")
    world.tables.is_fresh = False
    assert world.refusal() == (503, "tables-stale")


def test_an_address_with_too_many_failures_may_only_use_known_credentials(world: World) -> None:
    token = KEY.token()
    assert isinstance(world.call(token=token), Admitted)
    for number in range(200):
        assert world.refusal(token=f"bad{number}") == (401, "invalid-token")
    outcome = world.call(token="another")
    assert isinstance(outcome, Refusal)
    assert (outcome.problem.name, outcome.problem.status) == ("too-many-failures", 429)
    assert b"Retry-After: 1\r\n" in outcome.headers
    assert world.refusal(token=KEY.token(iat=1)) == (429, "too-many-failures")  # valid, but never seen
    assert world.refusal(key="unknown") == (429, "too-many-failures")
    assert isinstance(world.call(token=token), Admitted)
    assert isinstance(world.call(), Admitted)  # a known key


def test_quota_answers_say_when_it_ends(world: World) -> None:
    until = NOW + timedelta(minutes=5)
    world.allow(blocked_until=until, blocked_reason="quota-reached")
    outcome = world.call()
    assert isinstance(outcome, Refusal)
    assert outcome.headers == b"Retry-After: 300\r\n"


def test_a_full_log_lets_calls_pass_where_the_operator_says_so(world: World) -> None:
    world.gate._pass_unrecorded = True
    for _ in range(8):
        assert isinstance(world.call(), Admitted)
    outcome = world.call()
    assert isinstance(outcome, Admitted)
    assert (outcome.slot, len(outcome.request_id)) == (-1, 32)
    end = world.log.end
    world.gate.record_call(outcome, 200, 0, 0)
    assert world.log.end == end
