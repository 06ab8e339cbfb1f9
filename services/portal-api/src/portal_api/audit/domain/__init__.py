"""What an entry is, and how entries are asked for."""
