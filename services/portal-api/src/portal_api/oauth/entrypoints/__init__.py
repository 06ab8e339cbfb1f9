"""HTTP: /oauth2/token and /.well-known."""
