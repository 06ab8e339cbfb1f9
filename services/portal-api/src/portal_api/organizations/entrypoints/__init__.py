"""HTTP routes of organizations: parse, use case, answer."""
