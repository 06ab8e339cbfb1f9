"""The ports of mail made real: PostgreSQL, Jinja and SMTP."""
