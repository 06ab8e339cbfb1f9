"""Decisions of billing-sync: values and `now` in, a decision out; no I/O."""
