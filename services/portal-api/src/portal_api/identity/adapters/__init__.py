"""The ports of identity made real: PostgreSQL and what lies outside."""
