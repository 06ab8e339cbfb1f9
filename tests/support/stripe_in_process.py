"""Stripe's SDK on a double in the same process: the whole double, but for its socket. For many examples a second."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from stripe_double import accounts
from stripe_double.config import Config
from stripe_double.double import Double
from stripe_double.ids import new_id
from stripe_double.request.execute import ApiRequest


class InProcess(stripe.HTTPClient):
    """Requests go to the double's own entry, form-encoded as the SDK made them."""

    name = "in-process"

    def __init__(self, double: Double) -> None:
        super().__init__()
        self._double = double

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request."""
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        parts = urlsplit(url)
        answer = self._double.execute(
            ApiRequest(
                method=method.upper(),
                path=parts.path,
                form="&".join(part for part in (parts.query, post_data or "") if part),
                key=lower["authorization"].partition(" ")[2],
                idempotency_key=lower.get("idempotency-key"),
                version=lower.get("stripe-version"),
                request_id=new_id("req", 14),
            )
        )
        return answer.body, answer.status, answer.headers

    def close(self) -> None:
        """Nothing is open."""


class InProcessStripe:
    """A double with one account and a client of it."""

    def __init__(self) -> None:
        self.double = Double(Config(aggregation_lag_seconds=0))
        with self.double.store.transaction():
            keys = accounts.create_account(self.double.store, self.double.clock.now())
        self.client = stripe.StripeClient(keys["secret_key"], http_client=InProcess(self.double))
        self.v1 = self.client.v1
