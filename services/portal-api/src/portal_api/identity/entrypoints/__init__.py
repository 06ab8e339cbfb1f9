"""HTTP routes of identity: parse, use case, answer."""
