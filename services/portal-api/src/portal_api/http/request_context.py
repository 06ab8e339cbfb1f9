"""What the request that is being answered is, for the audit log: who, from where, which operation.

The middleware begins it, authentication names the actor, and `AuditedUnitOfWork` tells it to the transaction, where
the audit log's triggers read it.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import Headers
from starlette.types import Scope

from shared.db.unit_of_work import UnitOfWork
from shared.observability.tracing import current_trace_id

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_TELL = text("select set_config('tollway.audit', :context, true)")
MAX_USER_AGENT = 300


@dataclass
class RequestContext:
    """One request. `scope` names the operation once routing has found it."""

    scope: Scope
    actor: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """As the triggers read it."""
        route = self.scope.get("route")
        client = self.scope.get("client")
        return json.dumps(
            {
                **self.actor,
                "address": client[0] if client else "",
                "user_agent": Headers(scope=self.scope).get("user-agent", "")[:MAX_USER_AGENT],
                "operation": getattr(route, "operation_id", None)
                or f"{self.scope['method']} {getattr(route, 'path', self.scope['path'])}",
                "trace_id": current_trace_id(),
            }
        )


_current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


@contextmanager
def answering(scope: Scope) -> Iterator[None]:
    """For the time of a request."""
    token = _current.set(RequestContext(scope))
    try:
        yield
    finally:
        _current.reset(token)


def identify(*, user_id: str, name: str, email: str, kind: str, credential_id: str) -> None:
    """Who sends the request that is being answered."""
    context = _current.get()
    if context is not None:
        context.actor = {
            "actor_id": user_id,
            "actor_name": name,
            "actor_email": email,
            "actor_kind": kind,
            "credential_id": credential_id,
        }


class AuditedUnitOfWork(UnitOfWork):
    """Tells each transaction of a request that may change something whose change it is."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """As `UnitOfWork.transaction`."""
        async with super().transaction() as session:
            context = _current.get()
            if context is not None and context.scope["method"] not in _SAFE:
                await session.execute(_TELL, {"context": context.as_json()})
            yield session
