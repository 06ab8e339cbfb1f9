"""Catalog: API contracts and their operations, environments and deployments, the lifecycle, plans and what they cost."""
