"""Webhook delivery: signed, retried with back-off, kept in the database so that a restart of either side goes on."""

import asyncio
import hashlib
import hmac
import json
import sqlite3

import httpx

from stripe_double.clock import real_seconds
from stripe_double.config import API_VERSION
from stripe_double.double import Double
from stripe_double.engine.due import release_held
from stripe_double.store import Object
from stripe_double.work import REORDER_WINDOW_SECONDS

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
BATCH = 32


def signature(secret: str, payload: str, timestamp: int) -> str:
    """The Stripe-Signature header."""
    mac = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def retry_delay_seconds(attempts: int) -> float:
    """0.5 s after the first failure, doubling, at most 30 s."""
    return float(min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (attempts - 1)))


class Delivery:
    """Sends what is pending. No order is promised, as at Stripe; `reorder` makes sure that there is none."""

    def __init__(self, double: Double) -> None:
        self._double = double
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def send_pending(self) -> float | None:
        """Send a batch of what is due; the seconds until the next is, or None when nothing is pending."""
        db = self._double.store.db
        rows = db.execute(
            "SELECT * FROM deliveries WHERE status = 'pending' AND next_at <= ? ORDER BY next_at, seq LIMIT ?",
            (real_seconds(), BATCH),
        ).fetchall()
        if rows:
            if self._double.store.get_meta("webhooks.reorder") == "true":
                rows = db.execute(
                    "SELECT * FROM deliveries WHERE status = 'pending' AND next_at <= ? ORDER BY seq DESC LIMIT ?",
                    (real_seconds() + REORDER_WINDOW_SECONDS, BATCH),
                ).fetchall()
                for row in rows:
                    await self._send(row)
            else:
                async with asyncio.TaskGroup() as group:
                    for row in rows:
                        group.create_task(self._send(row))
        row = db.execute("SELECT min(next_at) AS at FROM deliveries WHERE status = 'pending'").fetchone()
        return None if row["at"] is None else max(0.0, float(row["at"]) - real_seconds())

    async def _send(self, row: sqlite3.Row) -> None:
        store = self._double.store
        event, endpoint = store.get(row["account"], row["event"]), store.get(row["account"], row["endpoint"])
        if event is None or endpoint is None or endpoint["status"] != "enabled":
            self._finish(row, "dropped", None)
            return
        copies = 2 if store.get_meta("webhooks.duplicate") == "true" else 1
        error = None
        for _ in range(copies):
            error = await self._post(event, endpoint)
        if error is None:
            self._finish(row, "delivered", None)
        elif real_seconds() - row["first_at"] > self._double.config.webhook_give_up_seconds:
            self._finish(row, "failed", error)
        else:
            attempts = row["attempts"] + 1
            with store.transaction():
                store.db.execute(
                    "UPDATE deliveries SET attempts = ?, next_at = ?, last_error = ? WHERE seq = ?",
                    (attempts, real_seconds() + retry_delay_seconds(attempts), error, row["seq"]),
                )

    async def _post(self, event: Object, endpoint: Object) -> str | None:
        shown = {key: value for key, value in event.items() if not key.startswith("_")}
        payload = json.dumps(shown | {"api_version": endpoint["api_version"] or API_VERSION}, indent=2)
        # Real time: receivers compare it with theirs, whatever the business clock shows.
        header = signature(endpoint["_secret"], payload, int(real_seconds()))
        try:
            response = await self._client.post(
                endpoint["url"],
                content=payload,
                headers={
                    "Stripe-Signature": header,
                    "Content-Type": "application/json; charset=utf-8",
                    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                },
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"
        return None if response.is_success else f"HTTP {response.status_code}"

    def _finish(self, row: sqlite3.Row, status: str, error: str | None) -> None:
        store = self._double.store
        with store.transaction():
            store.db.execute(
                "UPDATE deliveries SET status = ?, attempts = attempts + 1, last_error = ? WHERE seq = ?",
                (status, error, row["seq"]),
            )
            if row["type"] == "invoice.created":
                release_held(self._double.work(row["account"]), row["about"])
        self._double.changed.set()
