"""A million access entries in little memory, and none of them forgets what it should know."""

import tracemalloc
from datetime import UTC, datetime

from tests.service.gateway import builders

from gateway.adapters import access_table
from gateway.adapters.access_table import AccessTable
from shared.events.catalog import RateLimit
from shared.events.envelope import decode, encode
from shared.events.subscriptions import Access, AccessEntryState

LIMIT = RateLimit(count=10, per_seconds=60)


def put(table: AccessTable, number: int, production: Access, *, version: int = 1, sandbox: Access | None = None) -> str:
    entry = AccessEntryState(
        version=version,
        application_id=f"app_01KABCDEFGHJKMNPQRSTV{number:05}",
        api_id="api_01KABCDEFGHJKMNPQRSTVWXYZ1",
        production=production,
        sandbox=sandbox or production,
    )
    key = f"{entry.application_id}/{entry.api_id}"
    table.apply(key, decode(encode(entry), AccessEntryState))
    return key


def find(table: AccessTable, key: str, *, sandbox: bool = False) -> Access | None:
    application_id, _, api_id = key.partition("/")
    slot = table.find(application_id, api_id, sandbox)
    return None if slot is None else slot.access


def test_entries_keep_their_numbers_and_environments() -> None:
    table = AccessTable()
    sandbox = builders.allowed(subscription_number=0, allowed=False, reason="no-subscription", subscription_id="")
    keys = [
        put(table, number, builders.allowed(LIMIT, subscription_number=number), sandbox=sandbox) for number in range(20)
    ]
    for number, key in enumerate(keys):
        found = find(table, key)
        assert found is not None
        assert (found.allowed, found.subscription_number, found.rate_limits) == (True, number, (LIMIT,))
        found = find(table, key, sandbox=True)
        assert found is not None
        assert (found.allowed, found.reason, found.subscription_id) == (False, "no-subscription", "")


def test_newer_versions_win_before_and_after_the_first_call() -> None:
    table = AccessTable()
    key = put(table, 1, builders.allowed(), version=3)
    put(table, 1, builders.allowed(allowed=False, reason="subscription-ended"), version=2)
    assert find(table, key) is not None
    put(table, 1, builders.allowed(allowed=False, reason="subscription-ended"), version=4)
    found = find(table, key)
    assert found is not None
    assert (found.allowed, found.reason) == (False, "subscription-ended")
    table.apply(key, None)
    assert find(table, key) is None
    put(table, 1, builders.allowed(), version=4)
    assert find(table, key) is None  # as old as what has ended
    put(table, 1, builders.allowed(), version=5)
    assert find(table, key) is not None


def test_times_of_their_own_are_kept_and_are_not_shared() -> None:
    table = AccessTable()
    until = datetime(2026, 5, 1, tzinfo=UTC)
    key = put(table, 1, builders.allowed(valid_until=until))
    found = find(table, key)
    assert found is not None
    assert found.valid_until == until
    assert table._terms == []


def test_idle_slots_are_let_go_and_busy_ones_stay(monkeypatch: object) -> None:
    table = AccessTable()
    keys = [put(table, number, builders.allowed(LIMIT)) for number in range(6)]
    for key in keys:
        find(table, key)
    busy = table.find(*keys[0].split("/"), False)  # type: ignore[misc]
    assert busy is not None
    busy.limiter.take(1)
    busy.limiter.take_pending()
    monkeypatch.setattr(access_table, "MAX_SLOTS", 3)  # type: ignore[attr-defined]
    table.sweep(2)
    assert list(table._slots.values()) == [busy]
    assert find(table, keys[3]) is not None


def test_an_entry_that_nobody_calls_costs_less_than_400_bytes() -> None:
    table = AccessTable()
    tracemalloc.start()
    for number in range(20_000):
        put(table, number, builders.allowed(LIMIT, subscription_number=number + 10_000))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 20_000 < 400
