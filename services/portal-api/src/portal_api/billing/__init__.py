"""Subscriptions, usage, invoices and Stripe connections as the portal shows them: commands out, read models in."""
