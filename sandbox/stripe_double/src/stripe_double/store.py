"""Everything the double remembers, in one SQLite database: in a file it survives `kill -9`, else it lives in memory.

One connection and one thread: a request, a page or a due step runs alone in its transaction, so effect, idempotency
record, events and deliveries are there together or not at all.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, secret_key TEXT UNIQUE NOT NULL, publishable_key TEXT UNIQUE NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS restricted_keys (key TEXT PRIMARY KEY, account TEXT NOT NULL, permissions TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS expired_keys (key TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    customer TEXT, due_at REAL, data TEXT NOT NULL, UNIQUE (account, id));
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (account, kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (account, customer, kind) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_due ON objects (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    created_at REAL NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS meter_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event_name TEXT NOT NULL, identifier TEXT NOT NULL,
    customer TEXT, value TEXT, timestamp INTEGER NOT NULL, received_at REAL NOT NULL, rejected TEXT,
    reported INTEGER NOT NULL DEFAULT 1, canceled INTEGER NOT NULL DEFAULT 0, payload TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS meter_events_by_identifier ON meter_events (account, identifier);
CREATE INDEX IF NOT EXISTS meter_events_by_time ON meter_events (account, event_name, customer, timestamp);
CREATE INDEX IF NOT EXISTS meter_events_to_report ON meter_events (received_at) WHERE reported = 0;
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL,
    type TEXT NOT NULL, about TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, first_at REAL NOT NULL, next_at REAL,
    status TEXT NOT NULL DEFAULT 'pending', last_error TEXT);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (next_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE INDEX IF NOT EXISTS deliveries_about ON deliveries (about, type);
"""


class Store:
    """The database and the few questions asked of it everywhere. What one table needs stands beside its user."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path or ":memory:", isolation_level=None)
        self.db.row_factory = sqlite3.Row
        # WAL and NORMAL: a killed process loses nothing that was committed; only a power cut could.
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Never await inside."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo the effects of a refused operation while its idempotency record stays."""
        self.db.execute("SAVEPOINT operation")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO operation")
            self.db.execute("RELEASE operation")
            raise
        self.db.execute("RELEASE operation")

    def get_meta(self, key: str) -> str | None:
        """One setting of the double itself."""
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def set_meta(self, key: str, value: str) -> None:
        """Keep one setting of the double itself."""
        self.db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    def save(self, account: str, obj: Object) -> None:
        """Insert or replace an object. Its hidden `_due_at` says when the engine must look at it next."""
        self.db.execute(
            "INSERT INTO objects (account, kind, id, customer, due_at, data) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (account, id) DO UPDATE SET customer = excluded.customer, due_at = excluded.due_at,"
            " data = excluded.data",
            (account, obj["object"], obj["id"], obj.get("customer"), obj.get("_due_at"), json.dumps(obj)),
        )

    def get(self, account: str, object_id: str) -> Object | None:
        """An object by its id."""
        row = self.db.execute("SELECT data FROM objects WHERE account = ? AND id = ?", (account, object_id)).fetchone()
        return None if row is None else json.loads(row["data"])

    def delete(self, account: str, object_id: str) -> None:
        """Forget an object."""
        self.db.execute("DELETE FROM objects WHERE account = ? AND id = ?", (account, object_id))

    def of_kind(self, account: str, kind: str, customer: str | None = None) -> Iterator[Object]:
        """Objects of a kind, newest first, as Stripe lists them."""
        where, values = "account = ? AND kind = ?", [account, kind]
        if customer is not None:
            where, values = where + " AND customer = ?", [*values, customer]
        rows = self.db.execute(f"SELECT data FROM objects WHERE {where} ORDER BY seq DESC", values)
        return (json.loads(row["data"]) for row in rows.fetchall())

    def first_due(self) -> tuple[float, str, str] | None:
        """What falls due first: when, whose, which object."""
        row = self.db.execute(
            "SELECT due_at, account, id FROM objects WHERE due_at IS NOT NULL ORDER BY due_at, seq LIMIT 1"
        ).fetchone()
        return None if row is None else (float(row["due_at"]), str(row["account"]), str(row["id"]))
