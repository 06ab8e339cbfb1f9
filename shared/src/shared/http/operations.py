"""The operations port of every service: /livez, /readyz, /metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

GRACE_SECONDS = 10


class Readiness:
    """Named checks that must all hold before traffic comes."""

    def __init__(self, checks: Mapping[str, Callable[[], bool]]) -> None:
        self.checks = dict(checks)

    def failing(self) -> list[str]:
        """Names of the checks that do not hold now."""
        return [name for name, holds in self.checks.items() if not holds()]


async def own_metrics() -> bytes:
    """Of this process, in the text format."""
    return generate_latest()


def operations_app(
    readiness: Readiness, *, service: str, metrics_text: Callable[[], Awaitable[bytes]] = own_metrics
) -> FastAPI:
    """An app of its own, on a port of its own: never reachable where callers are."""
    app = FastAPI(title=f"{service} operations", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive", "service": service}

    @app.get("/readyz")
    async def readyz() -> Response:
        failing = readiness.failing()
        status = "waiting" if failing else "ready"
        return JSONResponse(
            {"status": status, "service": service, "waiting_for": failing}, status_code=503 if failing else 200
        )

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(await metrics_text(), media_type=CONTENT_TYPE_LATEST)

    return app


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the service's task group decides when to stop."""

    def install_signal_handlers(self) -> None:
        """Nothing."""

    def capture_signals(self) -> Any:
        """Nothing."""
        import contextlib

        return contextlib.nullcontext()


async def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until cancelled, then finish what is being answered."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="off",
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.get_running_loop().create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
