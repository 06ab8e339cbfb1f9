"""A reading list: books to list, add, read, update and delete. Plays the backend that a provider wants to charge for.

It knows nothing of Tollway. Books live in memory, at most MAX_BOOKS of them, and are gone after a restart.
"""
