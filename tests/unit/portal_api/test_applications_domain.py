"""Applications and credentials: bounds, hashes, versions."""

from datetime import UTC, datetime, timedelta

import pytest

from portal_api.applications.domain.application import check_lifetime, check_name
from portal_api.applications.domain.credentials import (
    ApiKey,
    OAuthClient,
    check_grace,
    client_state,
    end_grace,
    generation_of,
    hash_secret,
    is_secret,
    key_state,
    revoke_client,
    revoke_key,
    revoke_tokens,
    rotate_key,
    rotate_secret,
)
from shared.errors import DomainError
from shared.events.envelope import encode

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CLIENT = OAuthClient("client_1", "app_1", "production", hash_secret("s"), "active", 1, 0, NOW)
KEY = ApiKey("key_1", "app_1", "sandbox", "tw_test_abcd", hash_secret("tw_test_abcd1234"), "active", 1, NOW)


@pytest.mark.parametrize("seconds", [60, 3600, 31_536_000])
def test_lifetimes_within_bounds(seconds: int) -> None:
    assert check_lifetime(seconds) == seconds


@pytest.mark.parametrize("seconds", [-1, 0, 59, 31_536_001])
def test_lifetimes_out_of_bounds_name_the_field(seconds: int) -> None:
    with pytest.raises(DomainError) as refused:
        check_lifetime(seconds)
    assert refused.value.field == "access_token_lifetime_seconds"


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", "a\x00b"])
def test_names_that_no_list_can_show(name: str) -> None:
    with pytest.raises(DomainError) as refused:
        check_name(name)
    assert refused.value.field == "name"


def test_secrets_are_compared_by_hash() -> None:
    assert is_secret("s", CLIENT.secret_hash)
    assert not is_secret("S", CLIENT.secret_hash)
    assert not is_secret("", CLIENT.secret_hash)


def test_revoking_a_client_ends_its_tokens_and_is_idempotent() -> None:
    revoked = revoke_client(CLIENT, NOW)
    assert (revoked.status, revoked.version, revoked.min_generation) == ("revoked", 2, 1)
    assert revoke_client(revoked, NOW) is revoked


def test_revoking_tokens_keeps_the_client() -> None:
    after = revoke_tokens(CLIENT)
    assert (after.status, after.version, after.min_generation) == ("active", 2, 1)


def test_rotation_replaces_the_secret_and_ends_tokens() -> None:
    after = rotate_secret(CLIENT, hash_secret("t"), NOW, timedelta(0))
    assert is_secret("t", after.secret_hash)
    assert generation_of(after, "s", NOW) is None
    assert after.min_generation == 1


def test_in_a_grace_both_secrets_work_and_only_the_old_ones_tokens_end_with_it() -> None:
    within = rotate_secret(CLIENT, hash_secret("t"), NOW, timedelta(hours=1))
    old, new = generation_of(within, "s", NOW), generation_of(within, "t", NOW)
    assert (old, new, within.min_generation) == (0, 1, 0)
    assert generation_of(within, "other", NOW) is None
    over = NOW + timedelta(hours=1)
    assert generation_of(within, "s", over) is None
    ended = end_grace(within)
    assert (ended.min_generation, generation_of(ended, "t", over)) == (1, 1)
    assert end_grace(ended) is ended


def test_a_rotation_within_a_grace_ends_it() -> None:
    first = rotate_secret(CLIENT, hash_secret("t"), NOW, timedelta(hours=1))
    second = rotate_secret(first, hash_secret("u"), NOW, timedelta(hours=1))
    assert [generation_of(second, secret, NOW) for secret in "stu"] == [None, 1, 2]
    assert second.min_generation == 1
    assert second.version > first.version


def test_revoking_tokens_within_a_grace_ends_those_of_both_secrets() -> None:
    within = rotate_secret(CLIENT, hash_secret("t"), NOW, timedelta(hours=1))
    issued = [generation_of(within, secret, NOW) for secret in "st"]
    after = revoke_tokens(within)
    assert all(generation is not None and generation < after.min_generation for generation in issued)
    assert generation_of(after, "s", NOW) == after.min_generation


def test_revoking_a_client_within_a_grace_ends_both_secrets_tokens() -> None:
    within = rotate_secret(CLIENT, hash_secret("t"), NOW, timedelta(hours=1))
    revoked = revoke_client(within, NOW)
    assert revoked.min_generation > within.generation
    assert revoked.previous_secret_hash is None


@pytest.mark.parametrize("seconds", [-1, 2_592_001])
def test_graces_out_of_bounds_name_the_field(seconds: int) -> None:
    with pytest.raises(DomainError) as refused:
        check_grace(seconds)
    assert refused.value.field == "grace_seconds"


def test_the_gateway_learns_both_hashes_of_a_rotated_key_and_until_when() -> None:
    rotated = rotate_key(KEY, "tw_test_wxyz9876", NOW, timedelta(hours=1))
    hashes = key_state(rotated, application_number=7, organization_id="o").key_hashes
    assert [(one.sha256, one.valid_until) for one in hashes] == [
        (hash_secret("tw_test_wxyz9876"), None),
        (KEY.key_hash, NOW + timedelta(hours=1)),
    ]
    assert rotated.prefix == "tw_test_wxyz"
    at_once = rotate_key(KEY, "tw_test_wxyz9876", NOW, timedelta(0))
    assert len(key_state(at_once, application_number=7, organization_id="o").key_hashes) == 1


def test_the_bus_never_carries_a_client_secret_hash() -> None:
    state = client_state(CLIENT, application_number=7, organization_id="org_1")
    assert CLIENT.secret_hash.encode() not in encode(state)
    assert (state.application_number, state.min_generation, state.status) == (7, 0, "active")


def test_the_gateway_learns_a_keys_hash_until_it_is_revoked() -> None:
    assert key_state(KEY, application_number=7, organization_id="o").key_hashes[0].sha256 == KEY.key_hash
    revoked = revoke_key(KEY, NOW)
    assert key_state(revoked, application_number=7, organization_id="o").key_hashes == ()
    assert revoke_key(revoked, NOW) is revoked
