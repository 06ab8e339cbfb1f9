"""A Stripe double in a process of its own, driven by the real SDK."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

READY_SECONDS = 30


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(check: Any, seconds: float = 15.0) -> Any:
    """The first true answer of `check`, asked again and again until the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s; last answer: {answer!r}")
        time.sleep(0.02)
    return answer


class DoubleProcess:
    """The process; `kill` and `start` again find everything it had answered."""

    def __init__(self, state: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        arguments = ["--port", str(self.port), "--state", str(self._state)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stripe_double", *arguments], stdout=subprocess.DEVNULL, env=dict(os.environ)
        )
        wait_until(self._answers, READY_SECONDS)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def admin(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """GET, or POST when there is a body, below /_admin."""
        url = f"{self.url}/_admin/{path}"
        answer = httpx.get(url, timeout=60) if body is None else httpx.post(url, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def move_to(self, at: float) -> None:
        """Move its clock forward to an instant."""
        now = self.admin("clock")["now_unix"]
        self.admin("clock", {"advance_seconds": at - now})


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoubleProcess]:
    """One double for a test file; every test has an account of its own."""
    process = DoubleProcess(tmp_path_factory.mktemp("stripe") / "state.sqlite")
    process.start()
    yield process
    process.kill()


class Shop:
    """An account with its SDK client, and short ways to what every journey needs."""

    def __init__(self, double: DoubleProcess) -> None:
        self.double = double
        self.keys = double.admin("accounts", {})
        self.client = self.client_with(self.keys["secret_key"])
        self.v1 = self.client.v1
        self._count = 0

    def client_with(self, key: str) -> stripe.StripeClient:
        """A client with a key of this account (or any other)."""
        return stripe.StripeClient(key, base_addresses={"api": self.double.url})

    def meter(self) -> stripe.billing.Meter:
        """A meter that sums."""
        self._count += 1
        return self.v1.billing.meters.create(
            {
                "display_name": "Calls",
                "event_name": f"calls_{self._count}",
                "default_aggregation": {"formula": "sum"},
                "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
                "value_settings": {"event_payload_key": "value"},
            }
        )

    def metered_price(self, meter: stripe.billing.Meter, amount: str = "2") -> stripe.Price:
        """A unit price per call."""
        product = self.v1.products.create({"name": "Reading List API"})
        return self.v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount_decimal": Decimal(amount),
                "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
            }
        )

    def open_checkout(self, customer: str, *line_items: Any) -> stripe.checkout.Session:
        """A Checkout session for these items."""
        return self.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer,
                "line_items": list(line_items),
                "success_url": "http://portal.test/done?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://portal.test/back",
                "subscription_data": {"metadata": {"subscription_id": "sub_tollway"}},
            }
        )

    def pay(self, session: stripe.checkout.Session, card: str = "4242 4242 4242 4242") -> httpx.Response:
        """Post the hosted page's form."""
        assert session.url is not None
        form = {"email": "dev@example.test", "card_number": card, "expiry": "12 / 34", "cvc": "123"}
        return httpx.post(session.url, data=form, timeout=30)

    def subscribe(self, *line_items: Any, card: str = "4242 4242 4242 4242") -> stripe.Subscription:
        """A new customer, Checkout, paid."""
        customer = self.v1.customers.create({"email": "dev@example.test", "name": "Dev"})
        session = self.open_checkout(customer.id, *line_items)
        assert self.pay(session, card).status_code == 303
        session = self.v1.checkout.sessions.retrieve(session.id)
        return self.v1.subscriptions.retrieve(str(session.subscription))

    def use(
        self, meter: stripe.billing.Meter, customer: str, units: int, identifier: str, at: int | None = None
    ) -> None:
        """One meter event."""
        params: Any = {
            "event_name": meter.event_name,
            "identifier": identifier,
            "payload": {"stripe_customer_id": customer, "value": str(units)},
        }
        if at is not None:
            params["timestamp"] = at
        self.v1.billing.meter_events.create(params)

    def summary(self, meter: stripe.billing.Meter, customer: str) -> float:
        """What Stripe's summary says of the last hour and the next minute."""
        now = int(self.double.admin("clock")["now_unix"]) // 60 * 60
        found = self.v1.billing.meters.event_summaries.list(
            meter.id, {"customer": customer, "start_time": now - 3600, "end_time": now + 60}
        )
        return sum(part.aggregated_value for part in found.data)


@pytest.fixture
def shop(double: DoubleProcess) -> Shop:
    """A fresh account."""
    return Shop(double)
