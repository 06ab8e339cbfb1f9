"""Alembic's entry point; the work is in shared."""

from shared.db.alembic_env import run

run()
