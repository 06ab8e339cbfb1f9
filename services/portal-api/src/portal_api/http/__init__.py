"""What the routes of all features share: paging, idempotency, documentation of errors, security headers."""
