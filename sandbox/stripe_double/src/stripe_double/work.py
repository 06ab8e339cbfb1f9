"""One unit of work: an account, an instant, and the changes and events of one request or due step."""

import copy
from collections.abc import Iterator
from typing import Any

from stripe_double.clock import real_seconds
from stripe_double.config import API_VERSION, Config
from stripe_double.errors import invalid, no_such
from stripe_double.ids import new_id
from stripe_double.store import Object, Store

_NAMES = {
    "billing.meter": "meter",
    "billing_portal.configuration": "configuration",
    "checkout.session": "checkout.session",
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "invoiceitem": "invoiceitem",
}
_INLINE_LINES = 10
# While webhooks are reordered, what comes within this long is sent together, the newest first.
REORDER_WINDOW_SECONDS = 0.5


class Work:
    """What operations and the engine act through. Lives inside one database transaction."""

    def __init__(
        self,
        store: Store,
        config: Config,
        account: Object,
        now: float,
        *,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        publishable: bool = False,
    ) -> None:
        self.store = store
        self.config = config
        self.account = account
        self.account_id: str = account["id"]
        self.now = now
        self.second = int(now)
        self.publishable = publishable
        self._request = {"id": request_id, "idempotency_key": idempotency_key}

    def get(self, object_id: str) -> Object | None:
        """An object, hidden fields included."""
        return self.store.get(self.account_id, object_id)

    def require(self, kind: str, object_id: str, param: str | None = None) -> Object:
        """An object of a kind, or Stripe's "No such ..."."""
        obj = self.get(object_id)
        if obj is None or obj["object"] != kind:
            raise no_such(_NAMES.get(kind, kind), object_id, param)
        return obj

    def save(self, obj: Object) -> Object:
        """Insert or replace."""
        self.store.save(self.account_id, obj)
        return obj

    def new(self, kind: str, prefix: str, fields: Object, *, with_metadata: bool = True) -> Object:
        """A new object with what all objects have; not saved yet."""
        obj: Object = {"id": new_id(prefix), "object": kind, "created": self.second, "livemode": False}
        if with_metadata:
            obj["metadata"] = {}
        return obj | fields

    def of_kind(self, kind: str, customer: str | None = None) -> Iterator[Object]:
        """Objects of a kind, newest first."""
        return self.store.of_kind(self.account_id, kind, customer)

    def emit(self, event_type: str, obj: Object, previous: Object | None = None) -> None:
        """Record an event with a snapshot, and a delivery for each endpoint that wants it."""
        data: Object = {"object": self.public(obj)}
        if previous is not None:
            data["previous_attributes"] = previous
        copies = 2 if self.store.get_meta("webhooks.two_ids") == "true" else 1
        for _ in range(copies):
            event = {
                "id": new_id("evt"),
                "object": "event",
                "api_version": API_VERSION,
                "created": self.second,
                "data": data,
                "livemode": False,
                "pending_webhooks": 0,
                "request": self._request,
                "type": event_type,
            }
            event["pending_webhooks"] = self._enqueue(event, about=obj["id"])
            self.save(event)

    def _enqueue(self, event: Object, about: str) -> int:
        wanted = [
            endpoint["id"]
            for endpoint in self.of_kind("webhook_endpoint")
            if endpoint["status"] == "enabled"
            and ("*" in endpoint["enabled_events"] or event["type"] in endpoint["enabled_events"])
        ]
        if self.store.get_meta("webhooks.drop") == "true":
            return len(wanted)
        at = real_seconds()
        hold = float(self.store.get_meta("webhooks.delay_seconds") or 0)
        if self.store.get_meta("webhooks.reorder") == "true":
            hold += REORDER_WINDOW_SECONDS
        self.store.db.executemany(
            "INSERT INTO deliveries (account, event, endpoint, type, about, first_at, next_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(self.account_id, event["id"], endpoint, event["type"], about, at, at + hold) for endpoint in wanted],
        )
        return len(wanted)

    def emit_update(self, event_type: str, before: Object, after: Object) -> None:
        """An `.updated` event with the attributes that changed; none when nothing visible did."""
        old, new = self.public(before), self.public(after)
        changed = {key: old.get(key) for key in new if new[key] != old.get(key)}
        if changed:
            self.emit(event_type, after, changed)

    def public(self, obj: Object, expand: list[str] | None = None) -> Object:
        """The object as the API shows it: fields expanded, hidden ones (`_...`) removed, lists cut."""
        shown = copy.deepcopy(obj)
        for path in expand or []:
            self._expand(shown, path.split("."), path)
        result: Object = self._shown(shown)
        return result

    def _expand(self, node: Any, parts: list[str], path: str) -> None:
        if isinstance(node, list):
            for element in node:
                self._expand(element, parts, path)
            return
        head, rest = parts[0], parts[1:]
        if not isinstance(node, dict) or (head not in node and f"_{head}" not in node):
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        if f"_{head}" in node:
            node[head] = node.pop(f"_{head}")
        elif isinstance(node[head], str):
            target = self.get(node[head])
            if target is None:
                raise invalid(f"This property cannot be expanded ({path}).", "expand")
            node[head] = copy.deepcopy(target)
        if rest and node[head] is not None:
            self._expand(node[head], rest, path)

    def _shown(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._shown(element) for element in node]
        if not isinstance(node, dict):
            return node
        shown = {key: self._shown(value) for key, value in node.items() if not key.startswith("_")}
        if shown.get("object") == "list" and str(shown.get("url", "")).endswith("/lines") and "_whole" not in node:
            shown["has_more"] = len(shown["data"]) > _INLINE_LINES
            shown["data"] = shown["data"][:_INLINE_LINES]
        return shown


def merge_metadata(obj: Object, given: Object | None) -> None:
    """Stripe's rule: keys are added or replaced, an empty value unsets one, an empty metadata unsets all."""
    if given is None:
        return
    if not given:
        obj["metadata"] = {}
    kept = {**obj["metadata"], **given}
    obj["metadata"] = {key: value for key, value in kept.items() if value != ""}
