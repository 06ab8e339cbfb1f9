"""Catalog: API contracts and their operations, environments and deployments, the lifecycle, and plans."""
