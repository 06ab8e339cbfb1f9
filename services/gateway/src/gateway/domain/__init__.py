"""Decisions of the gateway: how a message is framed, where it goes, whether it may pass, what it counts for. No I/O."""
