"""The ports of catalog made real: PostgreSQL and what lies outside."""
