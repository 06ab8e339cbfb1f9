"""The Developer Portal: the pages of those who call APIs."""
