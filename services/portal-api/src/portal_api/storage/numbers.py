"""Integers for call records, where ids would be too long: given once, never reused."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


async def next_numbers(session: AsyncSession, count: int = 1) -> list[int]:
    """`count` new numbers. One sequence serves APIs, operations, applications and plan versions: no number has two
    meanings, and 31 bits last for two thousand million of them."""
    rows = await session.execute(text("select nextval('numbers') from generate_series(1, :count)"), {"count": count})
    return [int(row[0]) for row in rows]


async def next_number(session: AsyncSession) -> int:
    """One new number."""
    return (await next_numbers(session))[0]
