"""What a token request must be, what a token says, and how long a signing key serves."""
