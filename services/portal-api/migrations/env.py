"""Runs portal-api's migrations."""

from shared.db.alembic_env import run

run()
