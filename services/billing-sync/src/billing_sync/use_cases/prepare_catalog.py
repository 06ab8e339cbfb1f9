"""Make in Stripe what a Checkout needs: Product, Customer, a free meter slot, Meter and Prices; each once.

Every creation is "find, else create with an idempotency key of this attempt, then store": a repeat after a crash finds
what the lost step made, also after Stripe has forgotten idempotency keys.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from billing_sync.domain.price import PriceSpec, is_metered, price_specs
from billing_sync.domain.records import Account, Api, Developer, Subscription
from billing_sync.domain.slots import event_name, free_slot, price_lookup_key
from billing_sync.ports import Deps, Job, StripeAccount
from shared.events.catalog import PlanVersion


@dataclass(frozen=True, slots=True)
class Offer:
    """What is sold to whom, as the owners of catalogue and identity describe it."""

    api: Api
    plan_name: str
    version: PlanVersion
    developer: Developer


@dataclass(frozen=True, slots=True)
class Prepared:
    """The subscription with its Stripe objects filled in, and the fee's price if there is one."""

    subscription: Subscription
    fee_price_id: str | None


class Preparation:
    """One run over the objects of one subscription in one account."""

    def __init__(self, deps: Deps, job: Job, account: Account, stripe: StripeAccount, offer: Offer) -> None:
        self._deps = deps
        self._job = job
        self._account = account
        self._stripe = stripe
        self._offer = offer

    async def run(self, subscription: Subscription) -> Prepared:
        """Make or find everything; stores each id as soon as it is known."""
        product_id = await self._product()
        customer_id = await self._customer()
        subscription = await self._take_slot(subscription.subscription_id, customer_id)
        slot = subscription.slot or 1
        version, api = self._offer.version, self._offer.api
        meter_id: str | None = None
        name: str | None = None
        if is_metered(version):
            name = event_name(api.api_id, subscription.plan_id, slot)
            meter_id = await self._meter(name, slot)
        prices: dict[str, str] = {}
        for spec in price_specs(version, meter_id):
            lookup = price_lookup_key(api.api_id, version.number, slot, spec.kind)
            prices[spec.kind] = await self._price(product_id, lookup, spec)
        async with self._deps.work.transaction(self._job) as tx:
            current = await tx.subscription(subscription.subscription_id) or subscription
            current = replace(current, meter_id=meter_id, event_name=name, usage_price_id=prices.get("usage"))
            await tx.save_subscription(current)
        return Prepared(current, prices.get("fee"))

    async def _once(
        self, kind: str, key: str, find: Callable[[], Awaitable[str | None]], create: Callable[[str], Awaitable[str]]
    ) -> str:
        async with self._deps.work.transaction(self._job) as tx:
            known = await tx.stripe_object(self._account.account_id, kind, key)
        if known is not None:
            return known
        stripe_id = await find() or await create(f"{kind}:{key}:{self._job.key}:{self._job.attempts}")
        async with self._deps.work.transaction(self._job) as tx:
            await tx.save_stripe_object(self._account.account_id, kind, key, stripe_id)
        return stripe_id

    async def _product(self) -> str:
        api = self._offer.api
        return await self._once(
            "product",
            api.api_id,
            lambda: self._stripe.find_product(api.api_id),
            lambda key: self._stripe.create_product(api.api_id, f"{api.display_name} {api.version_label}".strip(), key),
        )

    async def _customer(self) -> str:
        who, currency = self._offer.developer, self._offer.version.currency
        return await self._once(
            "customer",
            f"{who.developer_id}:{currency}",
            lambda: self._stripe.find_customer(who.email, who.developer_id, currency),
            lambda key: self._stripe.create_customer(who.email, who.name, who.developer_id, currency, key),
        )

    async def _meter(self, name: str, slot: int) -> str:
        display = f"{self._offer.api.display_name} / {self._offer.plan_name}" + (f" ({slot})" if slot > 1 else "")
        return await self._once(
            "meter",
            name,
            lambda: self._stripe.find_meter(name),
            lambda key: self._stripe.create_meter(name, display[:250], key),
        )

    async def _price(self, product_id: str, lookup: str, spec: PriceSpec) -> str:
        return await self._once(
            "price",
            lookup,
            lambda: self._stripe.find_price(lookup),
            lambda key: self._stripe.create_price(product_id, lookup, spec, key),
        )

    async def _take_slot(self, subscription_id: str, customer_id: str) -> Subscription:
        """Two Checkouts of one developer for one plan must not take the same slot: `taken_slots` locks the customer."""
        async with self._deps.work.transaction(self._job) as tx:
            current = await tx.subscription(subscription_id)
            if current is None:
                raise LookupError(subscription_id)
            if current.slot is not None and current.customer_id == customer_id:
                return current
            taken = await tx.taken_slots(customer_id, current.api_id, current.plan_id)
            current = replace(
                current, account_id=self._account.account_id, customer_id=customer_id, slot=free_slot(taken)
            )
            await tx.save_subscription(current)
            return current
