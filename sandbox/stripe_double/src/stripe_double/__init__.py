"""A stateful double of Stripe's billing API, as one process with real HTTP.

It stands alone: it imports nothing of the system it is used to test, and prices invoices by rules of its own.
"""
