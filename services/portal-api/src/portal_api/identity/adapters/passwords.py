"""Passwords by argon2id."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError


class Argon2Passwords:
    """The port `PasswordHasher`: argon2id with the library's (RFC 9106's) parameters, in a thread.

    At most `parallel` at a time: each takes 64 MB, and strangers can ask for it.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, parallel: int = 4) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(parallel)
        self._nobody = self._hasher.hash("no user has this password")

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password fits; takes as long without a hash."""
        async with self._slots:
            fits = await asyncio.to_thread(self._verify, password_hash or self._nobody, password)
        return fits and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (Argon2Error, InvalidHashError):
            return False
