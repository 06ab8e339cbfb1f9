"""The audit log: who changed what, when, from where. Written by the database with each change, only read here."""
