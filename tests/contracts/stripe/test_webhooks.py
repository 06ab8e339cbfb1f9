"""Webhooks: signed as the SDK checks them, retried, held for, and disordered on demand."""

import http.server
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, Shop, free_port, wait_until


class Receiver:
    """A webhook endpoint that keeps what it got and answers what the test says."""

    def __init__(self) -> None:
        self.port = free_port()
        self.status = 200
        self.received: list[tuple[str, bytes]] = []
        self._server: http.server.ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.headers["Stripe-Signature"], body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def events(self, secret: str) -> list[stripe.Event]:
        """Everything received, checked by the SDK."""
        for signature, body in self.received:
            stripe.WebhookSignature.verify_header(body.decode(), signature, secret, tolerance=300)
        return [stripe.Webhook.construct_event(body, signature, secret) for signature, body in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def _register(shop: Shop, receiver: Receiver, *events: str) -> str:
    params: Any = {"url": receiver.url, "enabled_events": list(events), "api_version": stripe.api_version}
    return str(shop.v1.webhook_endpoints.create(params).secret)


def test_events_are_signed_and_carry_the_endpoints_version(shop: Shop, receiver: Receiver) -> None:
    receiver.start()
    secret = _register(shop, receiver, "customer.created")
    customer = shop.v1.customers.create({"email": "a@b.test"})
    shop.v1.products.create({"name": "not asked for"})
    wait_until(lambda: receiver.received)
    (event,) = receiver.events(secret)
    assert (event.type, event.data.object["id"], event.api_version) == (
        "customer.created",
        customer.id,
        stripe.api_version,
    )
    assert "secret" not in shop.v1.webhook_endpoints.list().data[0], "shown once"


def test_a_failed_delivery_is_tried_again_with_a_new_signature(shop: Shop, receiver: Receiver) -> None:
    receiver.status = 500
    receiver.start()
    secret = _register(shop, receiver, "*")
    shop.v1.customers.create({})
    wait_until(lambda: len(receiver.received) >= 2)
    receiver.status = 200
    seen = len(receiver.received)
    wait_until(lambda: len(receiver.received) > seen)
    assert len({event.id for event in receiver.events(secret)}) == 1


def test_deliveries_survive_a_restart_of_both_sides(shop: Shop, double: DoubleProcess, receiver: Receiver) -> None:
    secret = _register(shop, receiver, "customer.created")
    shop.v1.customers.create({})
    double.kill()
    double.start()
    receiver.start()
    wait_until(lambda: receiver.received, 40)
    assert receiver.events(secret)[0].type == "customer.created"


def test_finalization_waits_for_the_2xx_of_invoice_created(
    shop: Shop, double: DoubleProcess, receiver: Receiver
) -> None:
    receiver.status = 500
    receiver.start()
    _register(shop, receiver, "invoice.created")
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    shop.use(meter, str(subscription.customer), 100, "a")
    end = int(subscription["items"].data[0].current_period_end)
    double.move_to(end + 2 * 3600)
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert invoice.status == "draft"
    receiver.status = 200
    wait_until(lambda: shop.v1.invoices.retrieve(invoice.id).status == "paid", 40)


def test_duplicates_and_second_ids_on_demand(shop: Shop, double: DoubleProcess, receiver: Receiver) -> None:
    receiver.start()
    secret = _register(shop, receiver, "customer.created")
    double.admin("webhooks", {"duplicate": True, "two_ids": True})
    try:
        shop.v1.customers.create({})
        wait_until(lambda: len(receiver.received) == 4)
    finally:
        double.admin("webhooks", {"duplicate": False, "two_ids": False})
    assert len({event.id for event in receiver.events(secret)}) == 2


def test_webhooks_come_late_on_demand(shop: Shop, double: DoubleProcess, receiver: Receiver) -> None:
    receiver.start()
    _register(shop, receiver, "customer.created")
    double.admin("webhooks", {"delay_seconds": 1.5})
    try:
        shop.v1.customers.create({})
        asked_at = time.monotonic()
        wait_until(lambda: receiver.received)
    finally:
        double.admin("webhooks", {"delay_seconds": 0})
    assert time.monotonic() - asked_at > 1.2


def test_webhooks_come_in_reversed_order_on_demand(shop: Shop, double: DoubleProcess, receiver: Receiver) -> None:
    receiver.start()
    secret = _register(shop, receiver, "customer.created", "customer.updated")
    double.admin("webhooks", {"reorder": True})
    try:
        customer = shop.v1.customers.create({})
        shop.v1.customers.update(customer.id, {"name": "Ada"})
        wait_until(lambda: len(receiver.received) == 2)
    finally:
        double.admin("webhooks", {"reorder": False})
    assert [event.type for event in receiver.events(secret)] == ["customer.updated", "customer.created"]


def test_webhooks_are_lost_on_demand(shop: Shop, double: DoubleProcess, receiver: Receiver) -> None:
    receiver.start()
    secret = _register(shop, receiver, "customer.created")
    double.admin("webhooks", {"drop": True})
    try:
        shop.v1.customers.create({"name": "lost"})
    finally:
        double.admin("webhooks", {"drop": False})
    kept = shop.v1.customers.create({"name": "kept"})
    wait_until(lambda: receiver.received)
    assert [event.data.object["id"] for event in receiver.events(secret)] == [kept.id]
    assert len(shop.v1.events.list({"type": "customer.created"}).data) == 2, "the API still tells of it"
