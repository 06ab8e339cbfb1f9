"""What Stripe's billing does by itself: usage, invoices, renewals, collection, and everything that falls due."""
