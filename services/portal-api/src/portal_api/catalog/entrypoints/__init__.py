"""HTTP routes of catalog: parse, use case, answer."""
