"""The HTTP application: Stripe's API, the Checkout page, the admin routes, and the two loops behind them."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stripe_double import admin, checkout_page, portal_page
from stripe_double.config import Config
from stripe_double.delivery import Delivery
from stripe_double.double import Double
from stripe_double.errors import StripeError
from stripe_double.faults import Fault
from stripe_double.ids import new_id
from stripe_double.request.execute import Answer, ApiRequest, error_answer

# The loops look again at least this often: due instants and retries are not announced.
LONGEST_PAUSE_SECONDS = 0.25

_BEFORE = {
    "409": StripeError(
        409,
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing"
        " it.",
        code="lock_timeout",
    ),
    "429": StripeError(429, "Request rate limit exceeded.", code="rate_limit"),
    "429_should_retry": StripeError(
        429, "Request rate limit exceeded.", code="lock_timeout", headers={"Stripe-Should-Retry": "true"}
    ),
    "500_before": StripeError(500, "An unknown error occurred", kind="api_error"),
    "timeout_before": StripeError(504, "The request timed out.", kind="api_error"),
}


def _key(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            return base64.b64decode(value).decode().partition(":")[0] or None
    return None


async def _api(request: Request) -> Response:
    double: Double = request.app.state.double
    body = (await request.body()).decode()
    # DELETE carries its parameters in the query, as GET does; some clients use a body.
    form = "&".join(part for part in (request.url.query, body) if part)
    api_request = ApiRequest(
        method=request.method,
        path=request.url.path,
        form=form,
        key=_key(request),
        idempotency_key=request.headers.get("idempotency-key"),
        version=request.headers.get("stripe-version"),
        request_id=new_id("req", 14),
    )
    fault = double.faults.take(request.method, request.url.path)
    answer = await _answer(double, api_request, fault)
    double.requests.append(
        {
            "id": api_request.request_id,
            "method": api_request.method,
            "path": api_request.path,
            "form": form,
            "idempotency_key": api_request.idempotency_key,
            "status": answer.status,
            "fault": fault.mode if fault else None,
        }
    )
    return Response(answer.body, answer.status, answer.headers, media_type="application/json")


async def _answer(double: Double, request: ApiRequest, fault: Fault | None) -> Answer:
    if fault is None:
        return double.execute(request)
    if fault.mode == "timeout_before":
        await asyncio.sleep(fault.seconds)
    if fault.mode in _BEFORE:
        return error_answer(_BEFORE[fault.mode], request)
    answer = double.execute(request, fail_after=fault.mode == "500_after")
    if fault.mode in ("timeout_after", "slow"):
        await asyncio.sleep(fault.seconds)
    return answer


async def _run_due(double: Double) -> None:
    while True:
        while double.run_first_due(double.clock.now()):  # noqa: ASYNC110 - due instants are not announced
            await asyncio.sleep(0)
        double.report_rejections()
        await asyncio.sleep(LONGEST_PAUSE_SECONDS)


async def _deliver(double: Double, delivery: Delivery) -> None:
    while True:
        double.changed.clear()
        wait = await delivery.send_pending()
        with contextlib.suppress(TimeoutError):
            pause = LONGEST_PAUSE_SECONDS if wait is None else min(wait, LONGEST_PAUSE_SECONDS)
            await asyncio.wait_for(double.changed.wait(), max(pause, 0.001))


@contextlib.asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    double: Double = app.state.double
    delivery = Delivery(double)
    try:
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(_run_due(double)), group.create_task(_deliver(double, delivery))]
            yield
            for loop in loops:
                loop.cancel()
    finally:
        await delivery.close()
        double.store.close()


def create_app(config: Config) -> Starlette:
    """The application of one double."""
    app = Starlette(
        routes=[
            *admin.ROUTES,
            Route("/c/pay/{session}", checkout_page.show, methods=["GET"]),
            Route("/c/pay/{session}", checkout_page.submit, methods=["POST"]),
            Route("/c/pay/{session}/authenticate", checkout_page.challenge, methods=["GET", "POST"]),
            Route("/p/session/{link}", portal_page.show, methods=["GET"]),
            Route("/p/session/{link}", portal_page.act, methods=["POST"]),
            Route("/i/{account}/{invoice}", portal_page.show_invoice, methods=["GET"]),
            Route("/i/{account}/{invoice}", portal_page.pay_invoice, methods=["POST"]),
            Route("/{path:path}", _api, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]),
        ],
        lifespan=_lifespan,
    )
    app.state.double = Double(config)
    return app
