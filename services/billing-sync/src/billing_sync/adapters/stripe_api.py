"""The one place that imports Stripe's SDK. Its errors become Retryable or Permanent."""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar, cast

import stripe
from stripe.params import PriceCreateParams

from billing_sync.adapters import portal_calls
from billing_sync.adapters import stripe_objects as o
from billing_sync.adapters.permission_probes import missing_permissions
from billing_sync.domain import stripe_facts as f
from billing_sync.domain.price import PriceSpec
from billing_sync.domain.records import Push
from billing_sync.metrics import STRIPE_CALLS
from billing_sync.ports import InvoiceOrder, ItemOrder, SessionOrder

T = TypeVar("T")

API_VERSION = stripe.api_version
SIGNATURE_TOLERANCE_SECONDS = 300
MAX_CLIENTS = 256
# At INFO both write every address they ask for, and a SetupIntent's client secret is part of one.
for _chatty in ("stripe", "httpx"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)
# It would keep an id in the home folder of whoever runs Tollway, and send it along.
stripe.enable_telemetry = False


async def _ask(call: str, request: Awaitable[T]) -> T:
    """One call; counts it, and translates how it failed."""
    try:
        answer = await request
    except stripe.StripeError as error:
        failure = translate(error)
        STRIPE_CALLS.labels(call, type(failure).__name__).inc()
        raise failure from error
    STRIPE_CALLS.labels(call, "ok").inc()
    return answer


def translate(error: stripe.StripeError) -> f.Retryable | f.Permanent:
    """409, 429, 5xx and no answer at all: later. Everything else: refused."""
    message = error.user_message or str(error)
    status = error.http_status
    if isinstance(error, stripe.RateLimitError) or status == 429:
        after = (error.headers or {}).get("Retry-After") or (error.headers or {}).get("retry-after")
        return f.Retryable(f"429 {message}", after_seconds=float(after) if after and after.isdigit() else None)
    if isinstance(error, stripe.APIConnectionError) or status is None or status == 409 or status >= 500:
        return f.Retryable(f"{status} {message}")
    if status == 401:
        return f.KeyInvalid(message, status=status, code=error.code)
    if status == 403:
        return f.PermissionMissing(message, status=status, code=error.code)
    return f.Permanent(message, status=status, code=error.code)


class SdkAccount:
    """StripeAccount of the ports, on StripeClient with httpx."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._v1 = client.v1

    async def read_account(self) -> f.AccountFacts:
        """The account of this key."""
        return o.account_facts(await _ask("account", self._v1.accounts.retrieve_current_async()))

    async def probe_permissions(self) -> list[str]:
        """What a restricted key lacks of what we need, by Stripe's own names."""
        return await missing_permissions(self._v1, _ask)

    async def create_setup_intent(self) -> tuple[str, str]:
        """Id and client secret."""
        intent = await _ask("setup_intent.create", self._v1.setup_intents.create_async({"usage": "off_session"}))
        return intent.id, intent.client_secret or ""

    async def read_setup_intent(self, intent_id: str, client_secret: str) -> None:
        """With a publishable key."""
        request = self._v1.setup_intents.retrieve_async(intent_id, {"client_secret": client_secret})
        await _ask("setup_intent.read", request)

    async def cancel_setup_intent(self, intent_id: str) -> None:
        """Nothing is left behind."""
        await _ask("setup_intent.cancel", self._v1.setup_intents.cancel_async(intent_id))

    async def list_webhook_endpoints(self) -> list[f.EndpointFacts]:
        """All of the account's."""
        page = await _ask("webhook_endpoint.list", self._v1.webhook_endpoints.list_async({"limit": 100}))
        return [o.endpoint_facts(endpoint) for endpoint in await _all(page)]

    async def create_webhook_endpoint(self, url: str, events: Sequence[str], key: str) -> f.EndpointFacts:
        """With the SDK's API version: payloads have the endpoint's version, not the reader's."""
        params: Any = {"url": url, "enabled_events": list(events), "api_version": API_VERSION, "description": "Tollway"}
        request = self._v1.webhook_endpoints.create_async(params, {"idempotency_key": key})
        return o.endpoint_facts(await _ask("webhook_endpoint.create", request))

    async def delete_webhook_endpoint(self, endpoint_id: str) -> None:
        """Its secret is not ours to know."""
        await _ask("webhook_endpoint.delete", self._v1.webhook_endpoints.delete_async(endpoint_id))

    async def find_product(self, api_id: str) -> str | None:
        """By our metadata, newest first, over at most 1,000 products."""
        page = await _ask("product.list", self._v1.products.list_async({"limit": 100}))
        return _by_metadata(await _all(page), {"tollway_api_id": api_id})

    async def create_product(self, api_id: str, name: str, key: str) -> str:
        """One per API."""
        request = self._v1.products.create_async(
            {"name": name, "metadata": {"tollway_api_id": api_id}}, {"idempotency_key": key}
        )
        return (await _ask("product.create", request)).id

    async def find_meter(self, event_name: str) -> str | None:
        """By event name, which is unique in an account."""
        page = await _ask("meter.list", self._v1.billing.meters.list_async({"limit": 100}))
        return next((meter.id for meter in await _all(page) if meter.event_name == event_name), None)

    async def create_meter(self, event_name: str, display_name: str, key: str) -> str:
        """Sums units; no event_time_window, which would let a later event overwrite an earlier one."""
        request = self._v1.billing.meters.create_async(
            {
                "display_name": display_name,
                "event_name": event_name,
                "default_aggregation": {"formula": "sum"},
                "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
                "value_settings": {"event_payload_key": "value"},
            },
            {"idempotency_key": key},
        )
        return (await _ask("meter.create", request)).id

    async def find_price(self, lookup_key: str) -> str | None:
        """By lookup key."""
        page = await _ask("price.list", self._v1.prices.list_async({"lookup_keys": [lookup_key], "limit": 1}))
        return page.data[0].id if page.data else None

    async def create_price(self, product_id: str, lookup_key: str, spec: PriceSpec, key: str) -> str:
        """Immutable: a new plan version is a new price."""
        # Decimals are already plain text; the SDK would write them with an exponent.
        params = cast("PriceCreateParams", {"product": product_id, "lookup_key": lookup_key, **spec.parameters})
        return (await _ask("price.create", self._v1.prices.create_async(params, {"idempotency_key": key}))).id

    async def find_customer(self, email: str, developer_id: str, currency: str) -> str | None:
        """By address and our metadata (search would lag; this list does not)."""
        page = await _ask("customer.list", self._v1.customers.list_async({"email": email, "limit": 100}))
        wanted = {"tollway_developer_id": developer_id, "tollway_currency": currency}
        return _by_metadata(await _all(page), wanted)

    async def create_customer(self, email: str, name: str, developer_id: str, currency: str, key: str) -> str:
        """One per developer and currency."""
        metadata = {"tollway_developer_id": developer_id, "tollway_currency": currency}
        request = self._v1.customers.create_async(
            {"email": email, "name": name, "metadata": metadata}, {"idempotency_key": key}
        )
        return (await _ask("customer.create", request)).id

    async def find_open_session(self, customer_id: str, subscription_id: str) -> f.SessionFacts | None:
        """One that an earlier try opened."""
        request = self._v1.checkout.sessions.list_async({"customer": customer_id, "limit": 100})
        for session in (await _ask("session.list", request)).data:
            if session.client_reference_id == subscription_id and session.status in ("open", "complete"):
                return o.session_facts(session)
        return None

    async def create_session(self, order: SessionOrder, key: str) -> f.SessionFacts:
        """A metered item goes without quantity."""
        items: list[Any] = []
        if order.fee_price_id:
            items.append({"price": order.fee_price_id, "quantity": 1})
        if order.usage_price_id:
            items.append({"price": order.usage_price_id})
        request = self._v1.checkout.sessions.create_async(
            {
                "mode": "subscription",
                "customer": order.customer_id,
                "client_reference_id": order.subscription_id,
                "line_items": items,
                "success_url": order.success_url,
                "cancel_url": order.cancel_url,
                "expires_at": int(order.expires_at.timestamp()),
                "subscription_data": {"metadata": {"subscription_id": order.subscription_id}},
            },
            {"idempotency_key": key},
        )
        return o.session_facts(await _ask("session.create", request))

    async def session(self, session_id: str) -> f.SessionFacts:
        """As it is now."""
        return o.session_facts(await _ask("session.read", self._v1.checkout.sessions.retrieve_async(session_id)))

    async def expire_session(self, session_id: str) -> f.SessionFacts:
        """Nobody can pay it any more."""
        return o.session_facts(await _ask("session.expire", self._v1.checkout.sessions.expire_async(session_id)))

    async def find_portal_configuration(self) -> str | None:
        """By our metadata."""
        page = await _ask("portal_configuration.list", portal_calls.list_configurations(self._v1))
        return _by_metadata(await _all(page), portal_calls.METADATA)

    async def create_portal_configuration(self, key: str) -> str:
        """Card, invoices, cancel at the period's end."""
        return str((await _ask("portal_configuration.create", portal_calls.create_configuration(self._v1, key))).id)

    async def open_portal(self, customer_id: str, configuration_id: str, return_url: str, key: str) -> str:
        """The page's address."""
        request = portal_calls.open_session(self._v1, customer_id, configuration_id, return_url, key)
        return str((await _ask("portal_session.create", request)).url)

    async def subscription(self, stripe_subscription_id: str) -> f.SubscriptionFacts:
        """As it is now."""
        request = self._v1.subscriptions.retrieve_async(stripe_subscription_id)
        return o.subscription_facts(await _ask("subscription.read", request))

    async def clear_cancel_at(self, stripe_subscription_id: str) -> None:
        """An end scheduled by date is taken back. Idempotent by nature."""
        request = self._v1.subscriptions.update_async(stripe_subscription_id, {"cancel_at": ""})
        await _ask("subscription.update", request)

    async def set_cancel_at_period_end(self, stripe_subscription_id: str, value: bool) -> None:
        """Idempotent by nature."""
        request = self._v1.subscriptions.update_async(stripe_subscription_id, {"cancel_at_period_end": value})
        await _ask("subscription.update", request)

    async def cancel_now(self, stripe_subscription_id: str, *, invoice_now: bool) -> f.SubscriptionFacts:
        """Unprorated: a credit for a fee paid in advance would be lost anyway."""
        request = self._v1.subscriptions.cancel_async(
            stripe_subscription_id, {"invoice_now": invoice_now, "prorate": False}
        )
        return o.subscription_facts(await _ask("subscription.cancel", request))

    async def send_meter_event(self, push: Push, key: str) -> bool:
        """True = taken now. No retries by the SDK: a first try that says "already exists" must be one try."""
        request = self._v1.billing.meter_events.create_async(
            {
                "event_name": push.event_name,
                "identifier": push.identifier,
                "timestamp": int(push.stamped_at.timestamp()),
                "payload": {"stripe_customer_id": push.customer_id, "value": str(push.units)},
            },
            {"idempotency_key": key, "max_network_retries": 0},
        )
        await _ask("meter_event.create", request)
        return True

    async def summary(self, meter_id: str, customer_id: str, start: datetime, end: datetime) -> int:
        """Units of a customer on a meter in minute-aligned [start, end)."""
        request = self._v1.billing.meters.event_summaries.list_async(
            meter_id,
            {
                "customer": customer_id,
                "start_time": int(start.timestamp()),
                "end_time": int(end.timestamp()),
                "limit": 100,
            },
        )
        page = await _ask("meter.summary", request)
        return int(sum((Decimal(str(row.aggregated_value)) for row in await _all(page)), Decimal(0)))

    async def invoice(self, invoice_id: str) -> f.InvoiceFacts:
        """As it is now, with all lines."""
        return await self._facts(await _ask("invoice.read", self._v1.invoices.retrieve_async(invoice_id)))

    async def invoices_of(self, stripe_subscription_id: str) -> list[f.InvoiceFacts]:
        """Newest first, at most 20."""
        request = self._v1.invoices.list_async({"subscription": stripe_subscription_id, "limit": 20})
        return [await self._facts(invoice) for invoice in (await _ask("invoice.list", request)).data]

    async def invoices_of_customer(self, customer_id: str) -> list[f.InvoiceFacts]:
        """Newest first, at most 50: corrections of ours are on no subscription."""
        request = self._v1.invoices.list_async({"customer": customer_id, "limit": 50})
        return [await self._facts(invoice) for invoice in (await _ask("invoice.list", request)).data]

    async def set_auto_advance(self, invoice_id: str, value: bool) -> None:
        """Whether Stripe finalizes and collects by itself."""
        await _ask("invoice.update", self._v1.invoices.update_async(invoice_id, {"auto_advance": value}))

    async def add_item(self, item: ItemOrder, key: str) -> None:
        """On a draft."""
        request = self._v1.invoice_items.create_async(
            {
                "customer": item.customer_id,
                "invoice": item.invoice_id,
                "amount": item.amount_minor,
                "currency": item.currency,
                "description": item.description,
                "period": {"start": int(item.period_start.timestamp()), "end": int(item.period_end.timestamp())},
            },
            {"idempotency_key": key},
        )
        await _ask("invoice_item.create", request)

    async def create_invoice(self, order: InvoiceOrder, key: str) -> str:
        """A draft of its own, without pending items of anything else."""
        params: Any = {
            "customer": order.customer_id,
            "currency": order.currency,
            "auto_advance": False,
            "pending_invoice_items_behavior": "exclude",
            "metadata": dict(order.metadata),
        }
        if order.payment_method_id is not None:
            params["default_payment_method"] = order.payment_method_id
        request = self._v1.invoices.create_async(params, {"idempotency_key": key})
        return str((await _ask("invoice.create", request)).id)

    async def finalize(self, invoice_id: str) -> f.InvoiceFacts:
        """And let Stripe collect."""
        request = self._v1.invoices.finalize_invoice_async(invoice_id, {"auto_advance": True})
        return await self._facts(await _ask("invoice.finalize", request))

    async def pay(self, invoice_id: str) -> f.InvoiceFacts:
        """With the card of the invoice, its subscription or its customer, in this order."""
        return await self._facts(await _ask("invoice.pay", self._v1.invoices.pay_async(invoice_id)))

    async def refund_invoice(self, invoice_id: str) -> None:
        """Every payment of an invoice, once."""
        request = self._v1.invoice_payments.list_async({"invoice": invoice_id, "status": "paid"})
        for payment in (await _ask("invoice_payment.list", request)).data:
            intent = o.object_id(o.get(payment, "payment", "payment_intent"))
            if intent is not None:
                refund = self._v1.refunds.create_async({"payment_intent": intent}, {"idempotency_key": f"r:{intent}"})
                await _ask("refund.create", refund)

    async def _facts(self, invoice: Any) -> f.InvoiceFacts:
        lines = list(invoice["lines"]["data"])
        if invoice["lines"]["has_more"]:
            page = await _ask("invoice.lines", self._v1.invoices.line_items.list_async(invoice["id"], {"limit": 100}))
            lines = await _all(page)
        return o.invoice_facts(invoice, lines)


async def _all(page: Any, bound: int = 1000) -> list[Any]:
    """Every object of a list, up to a bound."""
    found: list[Any] = []
    async for value in _ask_pages(page):
        found.append(value)
        if len(found) >= bound:
            break
    return found


async def _ask_pages(page: Any) -> Any:
    try:
        async for value in page.auto_paging_iter():
            yield value
    except stripe.StripeError as error:
        raise translate(error) from error


def _by_metadata(objects: list[Any], wanted: Mapping[str, str]) -> str | None:
    for value in objects:
        metadata = o.get(value, "metadata")
        if metadata is not None and all(name in metadata and metadata[name] == w for name, w in wanted.items()):
            return str(value["id"])
    return None


class SdkAccess:
    """StripeAccess of the ports: one client per key, the least used ones forgotten."""

    def __init__(self, *, api_base: str, max_network_retries: int, timeout_seconds: float) -> None:
        self._api_base = api_base
        self._max_network_retries = max_network_retries
        self._timeout_seconds = timeout_seconds
        self._accounts: OrderedDict[str, SdkAccount] = OrderedDict()

    def account(self, key: str) -> SdkAccount:
        """Opens nothing until the first call."""
        if key not in self._accounts:
            client = stripe.StripeClient(
                key,
                max_network_retries=self._max_network_retries,
                http_client=stripe.HTTPXClient(timeout=self._timeout_seconds),
                base_addresses=cast("Any", {"api": self._api_base} if self._api_base else {}),
            )
            self._accounts[key] = SdkAccount(client)
            if len(self._accounts) > MAX_CLIENTS:
                self._accounts.popitem(last=False)
        self._accounts.move_to_end(key)
        return self._accounts[key]

    def is_signed(self, payload: bytes, signature: str, secret: str) -> bool:
        """Old timestamps are refused too."""
        try:
            stripe.WebhookSignature.verify_header(payload, signature, secret, SIGNATURE_TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            return False
        return True
