"""The ports of organizations made real: PostgreSQL and what lies outside."""
