"""Bring a database to the newest migration, once, whoever starts first."""

from pathlib import Path

from alembic import command
from alembic.config import Config

# Any constant of our own: replicas that start together wait for one another on it.
ADVISORY_LOCK = 7_016_996_765_293_437_281


def upgrade(database_url: str, migrations: Path) -> None:
    """Run Alembic's `upgrade head` with the scripts in `migrations` (its env.py calls `run_env`)."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")
