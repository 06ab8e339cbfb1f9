"""What the catalogue does: reading (for the features above too), importing, deploying, releasing, plans."""
