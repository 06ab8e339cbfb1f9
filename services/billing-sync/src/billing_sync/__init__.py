"""billing-sync owns everything said to Stripe and heard from it.

Kafka handlers and the webhook route store state and request jobs, in one transaction; a worker performs the calls to
Stripe step by step: a call with a deterministic identity, then one transaction that stores its result. A `kill -9`
anywhere repeats the last step, and every step is safe to repeat.
"""
