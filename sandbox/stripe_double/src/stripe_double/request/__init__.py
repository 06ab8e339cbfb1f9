"""From an HTTP request to a checked call of an operation, as Stripe does it: keys, parameters, idempotency, faults."""
