"""portal-api: who may do what, which APIs and plans exist, and the doors through which people and programs reach them.

Features, from the bottom: identity, organizations, catalog, applications, oauth and billing, web. A feature uses the
ones below it through their `domain` and `use_cases` only; `main` alone wires adapters and entrypoints.
"""
