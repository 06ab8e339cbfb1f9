"""A named lease in the database: one holder at a time, others wait until it expires.

A lease alone is a hint (its holder may be frozen past its end); what must not happen twice is fenced besides, by the
Kafka transactional id or by a compare-and-set.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LEASE_SECONDS = 5


async def acquire(engine: AsyncEngine, name: str, holder: str, seconds: int = LEASE_SECONDS) -> bool:
    """Take or renew the lease; False while another holds it. Database time, so that replicas' clocks do not matter."""
    async with engine.begin() as connection:
        return await acquire_in(connection, name, holder, seconds)


async def acquire_in(connection: AsyncConnection, name: str, holder: str, seconds: int = LEASE_SECONDS) -> bool:
    """As `acquire`, in a transaction that the caller has."""
    row = await connection.execute(
        text(
            "insert into leases(name, holder, expires_at)"
            " values (:name, :holder, clock_timestamp() + make_interval(secs => :seconds))"
            " on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at"
            " where leases.holder = excluded.holder or leases.expires_at < clock_timestamp() returning 1"
        ),
        {"name": name, "holder": holder, "seconds": seconds},
    )
    return row.first() is not None


async def release(engine: AsyncEngine, name: str, holder: str) -> None:
    """Give it back at a clean stop, so that the next need not wait."""
    async with engine.begin() as connection:
        await connection.execute(
            text("delete from leases where name = :name and holder = :holder"), {"name": name, "holder": holder}
        )
