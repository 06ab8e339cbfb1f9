"""Identity: users, their passwords, sessions and personal access tokens. Users are global."""
