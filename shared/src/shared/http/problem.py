"""Errors as problem details (RFC 9457) that say what to do and reveal nothing inside."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.errors import DomainError
from shared.observability.tracing import current_trace_id

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int,
    name: str,
    title: str,
    detail: str,
    *,
    base_url: str,
    field: str | None = None,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document; its type is a page under `{base_url}/problems/{name}`."""
    body: dict[str, object] = {
        "type": f"{base_url}/problems/{name}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        body["field"] = field
    trace_id = current_trace_id()
    if trace_id:
        body["instance"] = f"urn:trace:{trace_id}"
    body.update(extra or {})
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def install_problem_handlers(app: FastAPI, base_url: str) -> None:
    """Turn every error of `app` into a problem document."""

    async def on_domain_error(_: Request, error: Exception) -> Response:
        if not isinstance(error, DomainError):
            raise error
        wait = error.retry_after_seconds
        return problem(
            error.status,
            error.problem,
            error.title,
            error.detail,
            base_url=base_url,
            field=error.field,
            extra={"errors": error.errors} if error.errors else None,
            headers={"Retry-After": str(wait)} if wait is not None else None,
        )

    async def on_invalid(_: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        errors = [{"field": _field(e["loc"]), "message": str(e["msg"])} for e in error.errors()[:20]]
        first = errors[0] if errors else {"field": "body", "message": "is not valid"}
        detail = f"{first['field']}: {first['message']}"
        return problem(
            422,
            "invalid-request",
            "The request is not valid",
            detail,
            base_url=base_url,
            field=first["field"],
            extra={"errors": errors},
        )

    async def on_http_error(_: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        phrase = HTTPStatus(error.status_code).phrase
        name = phrase.lower().replace(" ", "-")
        detail = error.detail if isinstance(error.detail, str) else phrase
        return problem(error.status_code, name, phrase, detail, base_url=base_url, headers=error.headers)

    async def on_unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error", path=request.url.path, exc_info=error)
        detail = "Something failed on our side. Try again; if it stays, tell the operator the instance above."
        return problem(500, "internal-error", "Internal error", detail, base_url=base_url)

    app.add_exception_handler(DomainError, on_domain_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_unexpected)


def _field(location: tuple[int | str, ...]) -> str:
    """`("body", "tiers", 0, "up_to")` -> `tiers.0.up_to`."""
    names = [str(part) for part in location if part not in ("body", "query", "path", "header")]
    return ".".join(names) or "body"
