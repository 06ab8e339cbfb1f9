"""One module per thing the service does: load, decide, save and publish, in the caller's transaction."""
