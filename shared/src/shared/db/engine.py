"""Engines and sessions on asyncpg."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

Sessions = async_sessionmaker[AsyncSession]

# A connection keeps as many: above all different statements of a service, or each call prepares some anew.
PREPARED_STATEMENTS = 500


def async_url(database_url: str) -> str:
    """`postgresql://...` with the driver that we use."""
    scheme, separator, rest = database_url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("a database URL starts with postgresql://")
    return f"postgresql+asyncpg://{rest}"


def create_engine(database_url: str, *, application_name: str, pool_size: int = 10) -> AsyncEngine:
    """A pool that notices dead connections, so that a restart of PostgreSQL fails no transaction that begins after it.

    asyncpg hears of it by the socket's end, without asking: SQLAlchemy's `pool_pre_ping` would send three statements
    more for each transaction.
    """
    engine = create_async_engine(
        async_url(database_url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        connect_args={
            "prepared_statement_cache_size": PREPARED_STATEMENTS,
            "timeout": 5,
            "command_timeout": 60,
            "server_settings": {"application_name": application_name, "timezone": "UTC"},
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError("PostgreSQL closed the connection while it rested")


def session_factory(engine: AsyncEngine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
