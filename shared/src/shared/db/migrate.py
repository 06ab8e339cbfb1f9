"""Bring a database to the newest migration, once, whoever starts first.

`python -m shared.db.migrate FOLDER` does it to TOLLWAY_DATABASE_URL and ends: a job before a rollout.
"""

import sys
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


def main() -> None:
    """Command line."""
    from shared.settings import DatabaseSettings

    folder = Path(sys.argv[1]) if len(sys.argv) == 2 else None
    if folder is None or not (folder / "env.py").is_file():
        sys.exit("usage: python -m shared.db.migrate FOLDER, a service's migrations (the folder with env.py)")
    upgrade(DatabaseSettings().database_url, folder)


if __name__ == "__main__":
    main()
