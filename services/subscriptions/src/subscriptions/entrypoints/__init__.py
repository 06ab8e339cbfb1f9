"""What starts a use case: records of four topics, and time."""
