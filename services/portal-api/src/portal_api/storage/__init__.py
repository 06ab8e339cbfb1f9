"""Tables that belong to no feature: numbers for call records, and remembered idempotency keys."""
