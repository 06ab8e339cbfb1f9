"""REST routes, and the consumer of the read models."""
