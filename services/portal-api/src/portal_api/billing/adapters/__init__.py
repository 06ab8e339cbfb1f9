"""Read models in PostgreSQL, sealing to billing-sync, and news of changes."""
