"""Decisions: values and the instant in, a new subscription or access entry out. No I/O."""
