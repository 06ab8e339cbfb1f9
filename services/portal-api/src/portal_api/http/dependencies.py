"""What `main` hands to each feature's `create_router`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from portal_api.http.idempotency import Idempotency
from shared.db.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class HttpDependencies:
    """`current_actor` and `optional_actor` are FastAPI dependencies: `Annotated[Actor, Depends(http.current_actor)]`.

    They return `portal_api.identity.domain.access.Actor` (or None for `optional_actor`); the type is not named here
    because features import this package and not the other way round.
    """

    uow: UnitOfWork
    idempotency: Idempotency
    current_actor: Callable[..., Awaitable[Any]]
    optional_actor: Callable[..., Awaitable[Any]]
    base_url: str
