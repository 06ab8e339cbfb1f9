"""What credentials do by themselves when real time passes."""

import asyncio

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError

from portal_api.applications.use_cases.credentials import Credentials
from shared.db.unit_of_work import UnitOfWork

log = structlog.get_logger()

INTERVAL_SECONDS = 1.0


async def end_graces_in_time(uow: UnitOfWork, credentials: Credentials) -> None:
    """Rotated secrets end within about a second of their time; the database being away delays that. Never returns."""
    while True:
        ended = 0
        try:
            async with uow.transaction() as session:
                ended = await credentials.end_graces(session)
        except (DBAPIError, InterfaceError, OSError, TimeoutError) as error:
            log.warning("ended graces could not be looked for, will retry", error=repr(error))
        if not ended:
            await asyncio.sleep(INTERVAL_SECONDS)
