"""Every pricing model once: a plan, a paid subscription, calls, and what is invoiced for them to the last unit.

What each must cost is worked out by hand here, from the plan's terms alone; the usage summary's estimate and Stripe's
invoices must both say the same. The subscription is cancelled, so that its usage is invoiced without waiting.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from journey.developer import generate, subscribe_application, usage
from journey.expect import StepFailed, expect, wait_for
from journey.state import App, Journey

CALLS = 40
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Model:
    """A plan, what its CALLS cost in minor units, and how that comes about."""

    name: str
    arithmetic: str
    expected_minor: int
    terms: dict[str, Any]


MODELS = (
    Model("Free", "nothing", 0, {"pricing_model": "free"}),
    Model(
        "Flat, monthly, in advance",
        "19.00 whatever is called",
        1900,
        {"pricing_model": "flat", "currency": "eur", "flat_amount_decimal": "1900"},
    ),
    Model(
        "Unit of 12 decimals, daily",
        "40 x 12.345678901234 = 493.8",
        494,
        {"pricing_model": "unit", "billing_period": "day", "unit_amount_decimal": "12.345678901234"},
    ),
    Model(
        "Volume, monthly",
        "40 x 3.3 + 25",
        157,
        {
            "pricing_model": "volume",
            "tiers": [
                {"up_to": 30, "unit_amount_decimal": "5"},
                {"up_to": None, "unit_amount_decimal": "3.3", "flat_amount_decimal": "25"},
            ],
        },
    ),
    Model(
        "Graduated, weekly",
        "10 x 10 + 50, 20 x 4.5, 10 x 3.33 = 33",
        273,
        {
            "pricing_model": "graduated",
            "billing_period": "week",
            "tiers": [
                {"up_to": 10, "unit_amount_decimal": "10", "flat_amount_decimal": "50"},
                {"up_to": 30, "unit_amount_decimal": "4.5"},
                {"up_to": None, "unit_amount_decimal": "3.33"},
            ],
        },
    ),
    Model(
        "Included allowance, weekly",
        "(40 - 15) x 4",
        100,
        {"pricing_model": "unit", "billing_period": "week", "unit_amount_decimal": "4", "included_units": 15},
    ),
    Model(
        "Fee and usage, yearly",
        "1000 + 40 x 2.5",
        1100,
        {
            "pricing_model": "unit",
            "billing_period": "year",
            "flat_amount_decimal": "1000",
            "unit_amount_decimal": "2.5",
        },
    ),
    Model(
        "Package of 25, monthly",
        "2 begun x 300",
        600,
        {"pricing_model": "package", "unit_amount_decimal": "300", "package_size": 25},
    ),
    Model(
        "Unit in yen",
        "40 x 1.5",
        60,
        {"pricing_model": "unit", "currency": "jpy", "unit_amount_decimal": "1.5"},
    ),
    Model(
        "Unit in Kuwaiti dinar",
        "40 x 12.5",
        500,
        {"pricing_model": "unit", "currency": "kwd", "unit_amount_decimal": "12.5"},
    ),
)


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One model as it was measured; amounts in minor units. `problem` says what differed."""

    model: str
    currency: str
    billing_period: str
    calls: int
    expected_minor: int
    estimated_minor: int | None
    invoiced_minor: int | None
    invoices: list[str]
    ok: bool
    milliseconds: int
    arithmetic: str
    problem: str = ""

    @property
    def summary(self) -> str:
        """For people."""
        if self.problem:
            return self.problem
        on = f" on {' '.join(self.invoices)}" if self.invoices else ""
        return (
            f"{self.calls} calls, {self.arithmetic}: {self.expected_minor} {self.currency} expected,"
            f" {self.estimated_minor} estimated, {self.invoiced_minor} invoiced{on}"
        )


def run(journey: Journey) -> Iterator[ModelResult]:
    """All models, some at a time, in the order of the list."""
    plans = [_create_plan(journey, model) for model in MODELS]
    client = journey.provider.client
    client.put(f"/v1/apis/{journey.api_id}/plans", {"plan_ids": [journey.plan_id, *plans]})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda pair: _measure(journey, *pair), zip(MODELS, plans, strict=True))


def _create_plan(journey: Journey, model: Model) -> str:
    plan = journey.provider.client.post(
        f"/v1/organizations/{journey.organization_id}/plans",
        {"name": model.name, "description": f"{CALLS} calls: {model.arithmetic}", **model.terms},
    )
    return str(plan["id"])


def _measure(journey: Journey, model: Model, plan_id: str) -> ModelResult:
    started = time.monotonic()
    estimated: int | None = None
    invoices: list[dict[str, Any]] = []
    problem = ""
    try:
        app = subscribe_application(journey, model.name, plan_id, paid=model.terms["pricing_model"] != "free")
        generate(journey, app)
        _call(journey, app)
        estimated = _estimated(journey, app)
        expect(estimated == model.expected_minor, f"estimated {estimated}, expected {model.expected_minor}")
        invoices = _cancel(journey, app, model)
    except (StepFailed, httpx.HTTPError, KeyError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    return ModelResult(
        model=model.name,
        currency=model.terms.get("currency", "usd"),
        billing_period=model.terms.get("billing_period", "month"),
        calls=CALLS,
        expected_minor=model.expected_minor,
        estimated_minor=estimated,
        invoiced_minor=sum(invoice["total_minor"] for invoice in invoices) if not problem else None,
        invoices=[invoice["id"] for invoice in invoices],
        ok=not problem,
        milliseconds=round((time.monotonic() - started) * 1000),
        arithmetic=model.arithmetic,
        problem=problem,
    )


def _call(journey: Journey, app: App) -> None:
    headers = {"Authorization": f"Bearer {app.access_token}"}
    with httpx.Client(timeout=30, headers=headers) as client:
        statuses = [client.get(f"{journey.api_url}/books").status_code for _ in range(CALLS)]
    expect(statuses == [200] * CALLS, f"calls answered {sorted(set(statuses))}")


def _estimated(journey: Journey, app: App) -> int:
    """What the usage summary says that the period costs so far, once all calls are in it."""
    seen = wait_for(
        f"{CALLS} calls in the usage summary",
        lambda: one if (one := usage(journey, app.subscription_id))["calls"] == CALLS else None,
        seconds=60,
        pause_seconds=0.1,
    )
    amount: Any = seen["estimated_amount"]
    return int(amount["amount_minor"])


def _cancel(journey: Journey, app: App, model: Model) -> list[dict[str, Any]]:
    """Cancel now; the invoices of the subscription, once all are paid and make up what was expected."""
    client = journey.developer.client
    client.post(f"/v1/subscriptions/{app.subscription_id}/cancel", {"when": "now"})
    path = f"/v1/subscriptions/{app.subscription_id}"
    canceled = wait_for(
        "the cancellation's end",
        lambda: one if (one := client.get(path))["status"] == "canceled" else None,
        seconds=90,
        pause_seconds=0.2,
    )
    expect(canceled["problem"] is None, f"canceled with {canceled['problem']}: {canceled['problem_detail']}")
    seen: list[dict[str, Any]] = []

    def settled() -> bool:
        listed = client.get(f"/v1/portal/{journey.organization}/billing/invoices", params={"limit": 100})["data"]
        seen[:] = [one for one in listed if one["subscription_id"] == app.subscription_id]
        paid = all(one["status"] == "paid" for one in seen)
        return paid and sum(one["total_minor"] for one in seen) == model.expected_minor

    try:
        wait_for("the invoices", settled, seconds=30, pause_seconds=0.2)
    except StepFailed:
        found = ", ".join(f"{one['id']} {one['status']} {one['total_minor']}" for one in seen) or "none"
        raise StepFailed(f"invoices are {found}; expected {model.expected_minor} in all") from None
    for one in seen:
        expect(one["currency"] == model.terms.get("currency", "usd"), f"{one['id']} is in {one['currency']}")
        lines = sum(line["amount_minor"] for line in one["lines"])
        expect(lines == one["total_minor"], f"the lines of {one['id']} add up to {lines}")
    return seen
