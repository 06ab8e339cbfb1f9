"""The Console: the provider's pages, one module per group of pages."""
