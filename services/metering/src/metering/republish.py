"""Publish every window again: `python -m metering.republish`, for a reader that lost its own.

Revisions stay as they are, so readers that have them already change nothing. Running services do the publishing.
"""

import asyncio
import sys

from metering.adapters.window_queue import mark_all_dirty
from metering.settings import Settings
from shared.db.engine import create_engine


async def republish(database_url: str) -> int:
    """Mark all windows dirty; returns of how many subscriptions."""
    engine = create_engine(database_url, application_name="metering-republish")
    try:
        return await mark_all_dirty(engine)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    count = asyncio.run(republish(Settings().database_url))
    sys.stderr.write(f"windows of {count} subscriptions will be published again\n")
