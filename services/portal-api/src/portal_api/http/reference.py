"""The REST API's reference as a page: Swagger UI from our own origin, so that nothing is asked of another host."""

from importlib import resources

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

DOCS_PATH = "/docs"
# Swagger UI sets style attributes; scripts come from our origin only.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollway control plane: API reference</title><link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#reference", deepLinking: true});\n'
_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}


def create_router() -> APIRouter:
    """`/docs` and its assets."""
    router = APIRouter(include_in_schema=False)

    @router.get(DOCS_PATH)
    def page() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    @router.get("/docs/start.js")
    def start() -> Response:
        return Response(_START, media_type="text/javascript")

    for name, media_type in _TYPES.items():
        _add_asset(router, name, media_type)
    return router


def _add_asset(router: APIRouter, name: str, media_type: str) -> None:
    content = resources.files("fastapi_swagger.resources").joinpath(name).read_bytes()

    @router.get(f"/docs/{name}")
    def asset() -> Response:
        return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=86400"})
