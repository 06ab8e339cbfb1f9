"""Applications of developers and their credentials: OAuth2 clients and API keys; secrets are kept as hashes."""
