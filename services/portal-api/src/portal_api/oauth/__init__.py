"""The authorization server: token endpoint, signing keys, metadata documents (RFC 6749, 7517, 8414, 9068)."""
