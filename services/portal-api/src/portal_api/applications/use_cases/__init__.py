"""One module per kind of thing that a developer manages."""
