"""The sender's loop."""

import asyncio

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError

from portal_api.mail.use_cases import Deliveries

log = structlog.get_logger()

POLL_SECONDS = 0.5
RETRY_SECONDS = 5.0


async def run(deliveries: Deliveries) -> None:
    """Until cancelled."""
    while True:
        try:
            busy = await deliveries.deliver_due()
        except (DBAPIError, InterfaceError, OSError) as error:
            log.warning("mails wait for the database", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS)
            continue
        if not busy:
            await asyncio.sleep(POLL_SECONDS)
