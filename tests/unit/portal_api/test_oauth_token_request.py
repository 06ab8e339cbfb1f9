"""RFC 6749: what a token request may be, and the error each wrong one gets."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from portal_api.oauth.domain.attempts import MAX_FAILURES_PER_ADDRESS, MAX_FAILURES_PER_CLIENT, MAX_KEYS, Attempts
from portal_api.oauth.domain.token_request import OAuthError, TokenRequest, read_token_request

GRANT = ("grant_type", "client_credentials")
POST = (GRANT, ("client_id", "client_1"), ("client_secret", "s3cret"))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_client_secret_post() -> None:
    assert read_token_request(None, POST) == TokenRequest("client_1", "s3cret")


def test_client_secret_basic_is_form_decoded() -> None:
    """RFC 6749, 2.3.1: id and secret are form-encoded before they are joined."""
    assert read_token_request(basic("client%5F1:s%2B3+x"), [GRANT]) == TokenRequest("client_1", "s+3 x")


def test_a_repeated_client_id_that_agrees_is_fine() -> None:
    assert read_token_request(basic("c:s"), [GRANT, ("client_id", "c")]) == TokenRequest("c", "s")


@pytest.mark.parametrize(
    ("authorization", "form", "code", "status"),
    [
        (None, [], "invalid_request", 400),
        (None, [("grant_type", "")], "invalid_request", 400),
        (None, [("grant_type", "password"), *POST[1:]], "unsupported_grant_type", 400),
        (None, [GRANT, *POST], "invalid_request", 400),
        (None, [GRANT], "invalid_client", 401),
        (None, [GRANT, ("client_id", "client_1")], "invalid_client", 401),
        (None, [GRANT, ("client_secret", "s3cret")], "invalid_client", 401),
        (None, [*POST, ("scope", "books:read")], "invalid_scope", 400),
        (None, [GRANT, ("client_id", "c" * 1001), ("client_secret", "s")], "invalid_request", 400),
        ("Bearer abc", [GRANT], "invalid_client", 401),
        ("Basic !!!", [GRANT], "invalid_client", 401),
        (basic("no-colon"), [GRANT], "invalid_client", 401),
        (basic(":s"), [GRANT], "invalid_client", 401),
        (basic("c:s"), POST, "invalid_request", 400),
        (basic("c:s"), [GRANT, ("client_id", "other")], "invalid_request", 400),
    ],
)
def test_errors(authorization: str | None, form: list[tuple[str, str]], code: str, status: int) -> None:
    with pytest.raises(OAuthError) as refused:
        read_token_request(authorization, form)
    assert (refused.value.code, refused.value.status) == (code, status)


NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_client_that_keeps_failing_must_wait_and_others_need_not() -> None:
    attempts = Attempts()
    for _ in range(MAX_FAILURES_PER_CLIENT):
        assert attempts.retry_after_seconds("a", "c", NOW) == 0
        attempts.failed("a", "c", NOW)
    assert attempts.retry_after_seconds("a", "c", NOW) == 61
    assert attempts.retry_after_seconds("b", "c", NOW) == 0, "a stranger cannot lock a client out elsewhere"
    assert attempts.retry_after_seconds("a", "d", NOW) == 0
    assert attempts.retry_after_seconds("a", "c", NOW + timedelta(seconds=60)) == 0


def test_an_address_that_tries_many_clients_must_wait() -> None:
    attempts = Attempts()
    for number in range(MAX_FAILURES_PER_ADDRESS):
        attempts.failed("a", f"c{number}", NOW)
    assert attempts.retry_after_seconds("a", "another", NOW) > 0


def test_memory_is_bounded() -> None:
    attempts = Attempts()
    for number in range(MAX_KEYS):
        attempts.failed(f"address{number}", "c", NOW)
    assert len(attempts._counts) <= MAX_KEYS
