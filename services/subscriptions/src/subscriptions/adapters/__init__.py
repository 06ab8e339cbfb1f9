"""The ports on PostgreSQL and the outbox."""
