"""What an application and its credentials are, and what may be done with them."""
