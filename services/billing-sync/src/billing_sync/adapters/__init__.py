"""The ports made real: PostgreSQL, Stripe's SDK, PyNaCl."""
