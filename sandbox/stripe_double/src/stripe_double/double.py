"""The double as a whole: its state, its clock, and the steps that fall due."""

import asyncio
import collections
import json
import sqlite3
from decimal import Decimal
from typing import Any

from stripe_double import accounts
from stripe_double.clock import Clock
from stripe_double.config import Config
from stripe_double.engine import due
from stripe_double.engine.usage import report_rejections
from stripe_double.errors import StripeError
from stripe_double.faults import Faults
from stripe_double.request.execute import Answer, ApiRequest, execute
from stripe_double.request.operations import Router
from stripe_double.resources import OPERATIONS
from stripe_double.store import Store
from stripe_double.work import Work

_LOGGED_REQUESTS = 5000


class Double:
    """One double. Everything that changes it runs on one thread, each change in its transaction."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.store = Store(config.state)
        self.clock = Clock(int(self.store.get_meta("clock.offset_us") or 0))
        self.router = Router(OPERATIONS)
        self.faults = Faults()
        self.requests: collections.deque[dict[str, Any]] = collections.deque(maxlen=_LOGGED_REQUESTS)
        self.changed = asyncio.Event()
        with self.store.transaction():
            accounts.default_account(self.store, self.clock.now())

    def execute(self, request: ApiRequest, *, fail_after: bool = False) -> Answer:
        """One API request."""
        answer = execute(self.store, self.config, self.router, request, self.clock.now(), fail_after=fail_after)
        self.changed.set()
        return answer

    def work(self, account_id: str, at: float | None = None) -> Work:
        """A unit of work outside the API: pages, due steps. Use inside a transaction."""
        account = accounts.load_account(self.store, account_id)
        return Work(self.store, self.config, account, self.clock.now() if at is None else at)

    def run_first_due(self, until: float) -> bool:
        """Run the first step due by `until`, at its own instant; False when there is none."""
        found = self.store.first_due()
        if found is None or found[0] > until:
            return False
        due_at, account_id, object_id = found
        with self.store.transaction():
            at = max(due_at, self.clock.now())
            self._set_offset(self.clock.offset_for(at))
            work = self.work(account_id, at)
            obj = work.get(object_id)
            assert obj is not None
            obj["_due_at"] = None
            work.save(obj)
            try:
                with self.store.savepoint():
                    due.run(work, obj)
            except StripeError as error:
                # It stays undone and visible; one broken object must not stop the clock.
                obj["_due_error"] = str(error)
                work.save(obj)
        self.changed.set()
        return True

    def _set_offset(self, offset_us: int) -> None:
        if offset_us > self.clock.offset_us:
            self.store.set_meta("clock.offset_us", str(offset_us))
            self.clock.offset_us = offset_us

    async def advance_to(self, offset_us: int) -> None:
        """Move the clock forward to an offset, running all that falls due in between, in order."""
        while True:
            # Real time goes on meanwhile: the target moves with it.
            target = Clock(max(offset_us, self.clock.offset_us)).now()
            if not self.run_first_due(target):
                break
            await asyncio.sleep(0)
        with self.store.transaction():
            self._set_offset(offset_us)
        self.report_rejections()
        self.changed.set()

    def report_rejections(self) -> None:
        """Turn rejected meter events into thin events once aggregation has come to them."""
        rows = self.store.db.execute("SELECT DISTINCT account FROM meter_events WHERE reported = 0").fetchall()
        for row in rows:
            with self.store.transaction():
                report_rejections(self.work(row["account"]))

    def meter_event_totals(self, customer: str | None, event_name: str | None) -> dict[str, Any]:
        """The meter events that count, their sums per customer and event name, and those that do not count."""
        rows = self.store.db.execute(
            "SELECT * FROM meter_events WHERE (?1 IS NULL OR customer = ?1)"
            " AND (?2 IS NULL OR event_name = ?2) ORDER BY seq",
            (customer, event_name),
        ).fetchall()
        accepted = [row for row in rows if row["rejected"] is None and not row["canceled"]]
        sums: dict[str, int] = {}
        for row in accepted:
            name = f"{row['customer']} {row['event_name']}"
            sums[name] = sums.get(name, 0) + int(Decimal(row["value"] or 1))
        return {
            "data": [_shown(row) for row in accepted],
            "not_counted": [_shown(row) for row in rows if row not in accepted],
            "sums": sums,
            "total": sum(sums.values()),
        }


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return dict(row) | {"payload": json.loads(row["payload"])}
