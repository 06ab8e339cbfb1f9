"""Subscriptions: the life of a subscription as a table of states, and the access entries that follow from it.

Reads commands, the catalogue and what Stripe said; publishes `subscriptions.state` and `subscriptions.access` in the
transaction that changed them. No HTTP but the operations port.
"""
