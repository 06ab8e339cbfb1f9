"""What billing does by itself as time passes."""

import asyncio

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError

from portal_api.billing.use_cases.telling_usage import TOLD_AT_ONCE, UsageTelling
from shared.db.unit_of_work import UnitOfWork

log = structlog.get_logger()

INTERVAL_SECONDS = 1.0


async def tell_usage(uow: UnitOfWork, telling: UsageTelling) -> None:
    """Callers hear of their usage within about a second; the database being away delays that. Never returns."""
    while True:
        told = 0
        try:
            async with uow.transaction() as session:
                told = await telling.tell_due(session)
        except (DBAPIError, InterfaceError, OSError, TimeoutError) as error:
            log.warning("usage could not be told, will retry", error=repr(error))
        if told < TOLD_AT_ONCE:
            await asyncio.sleep(INTERVAL_SECONDS)
