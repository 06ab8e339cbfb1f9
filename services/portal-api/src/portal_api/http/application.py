"""The one FastAPI application: its documentation, its errors, and what stands around every request."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from portal_api.http import reference
from portal_api.http.documentation import Problem
from portal_api.http.middleware import EdgeMiddleware, Observe
from shared.http.problem import install_problem_handlers

_DESCRIPTION = """The control plane of Tollway: organizations, APIs, plans, applications, subscriptions and billing.

Sign in with a personal access token (`Authorization: Bearer pat_...`). Creates take an `Idempotency-Key`. Lists are
paged: pass `next` as `after`. Errors are problem documents (RFC 9457) that name the field and say what to do."""


def create_app(routers: Iterable[APIRouter], *, base_url: str, observe: Observe) -> FastAPI:
    """All routers in one application."""
    app = FastAPI(
        title="Tollway control plane",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    install_problem_handlers(app, base_url)
    app.add_middleware(EdgeMiddleware, observe=observe, secure=base_url.startswith("https://"))
    app.include_router(reference.create_router())
    for router in routers:
        app.include_router(router)
    _document_problems(app)
    return app


def _document_problems(app: FastAPI) -> None:
    """Put `Problem` into the document's schemas, and make every 422 a problem (FastAPI documents its own form)."""
    original = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            document = original()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for item in document["paths"].values():
                for operation in item.values():
                    _repair(operation["responses"])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _repair(responses: dict[str, dict[str, object]]) -> None:
    invalid = responses.get("422")
    if invalid is not None and "application/problem+json" not in str(invalid):
        reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
        responses["422"] = {
            "description": "The request is not valid; the field is named",
            "content": {"application/problem+json": reference},
        }
