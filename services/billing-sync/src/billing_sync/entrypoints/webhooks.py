"""The traffic port: exactly one route, for Stripe."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from billing_sync.ports import Deps
from billing_sync.use_cases.receive_stripe_event import draft_is_safe, receive_stripe_event
from shared.errors import DomainError
from shared.http.problem import install_problem_handlers

MAX_BODY_BYTES = 512 * 1024


def webhook_app(deps: Deps, *, portal_url: str) -> FastAPI:
    """POST /webhooks/stripe/{organization_id}: verify, store, 200; of `invoice.created` 503 until its draft is safe."""
    app = FastAPI(title="Tollway billing-sync", docs_url=None, redoc_url=None, openapi_url=None)
    install_problem_handlers(app, portal_url)

    @app.post("/webhooks/stripe/{organization_id}")
    async def receive(organization_id: str, request: Request) -> Response:
        payload = await _body(request)
        signature = request.headers.get("Stripe-Signature", "")
        received = await receive_stripe_event(deps, organization_id[:64], payload, signature)
        if received.result == "unknown_organization":
            raise DomainError("no-such-organization", 404, "No such organization", "No Stripe account is connected.")
        if received.result in ("bad_signature", "malformed"):
            raise DomainError(
                "webhook-signature-invalid",
                400,
                "The webhook is not signed by Stripe",
                "The Stripe-Signature header does not fit this body: only Stripe may call this address.",
                field="Stripe-Signature",
            )
        if not await draft_is_safe(deps, organization_id[:64], received):
            raise DomainError(
                "webhook-not-done", 503, "Not done yet", "The invoice is not held yet; it must not be finalized."
            )
        return JSONResponse({"received": True})

    return app


async def _body(request: Request) -> bytes:
    """Read no more than the bound, whatever Content-Length says."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise DomainError(
                "payload-too-large", 413, "The body is too large", f"A webhook has at most {MAX_BODY_BYTES} bytes."
            )
    return bytes(body)
