"""Signing by python-jose, keys encrypted at rest in PostgreSQL."""
