"""Who somebody is, and what a password must be."""
