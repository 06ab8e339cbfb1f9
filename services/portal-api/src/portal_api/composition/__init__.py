"""Parts of the composition root, one per group of features: `main` puts them together."""
