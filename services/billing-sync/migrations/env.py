"""Alembic's entry."""

from shared.db.alembic_env import run

run()
