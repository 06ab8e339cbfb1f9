"""Ways in: Stripe's webhooks, Kafka records, and the worker that performs jobs."""
