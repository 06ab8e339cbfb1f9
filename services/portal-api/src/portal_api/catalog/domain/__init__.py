"""The decisions of the catalogue: contracts, releases, plans, addresses."""
