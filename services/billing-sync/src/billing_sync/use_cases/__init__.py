"""What billing-sync does: load, decide, call Stripe outside any transaction, store and publish in one."""
