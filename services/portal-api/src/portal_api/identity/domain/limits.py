"""How often somebody may try: waits that double for failures, plain counts for things that cost others something."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is known of a subject: how many tries since `first_at`, the newest at `last_at`."""

    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """`free` tries at once; after each further one the wait doubles, up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta

    def opens_at(self, attempts: Attempts, now: datetime) -> datetime | None:
        """When the next try is heard; None: now."""
        over = attempts.count - self.free
        if over < 0 or now - attempts.last_at >= FORGOTTEN_AFTER:
            return None
        wait = min(self.first * 2 ** min(over, 16), self.longest)
        opens = attempts.last_at + wait
        return opens if opens > now else None

    def counted(self, attempts: Attempts | None, now: datetime) -> Attempts:
        """With one more try."""
        if attempts is None or now - attempts.last_at >= FORGOTTEN_AFTER:
            return Attempts(1, now, now)
        return Attempts(attempts.count + 1, attempts.first_at, now)


@dataclass(frozen=True, slots=True)
class Quota:
    """So many in a window that begins with the first."""

    count: int
    window: timedelta

    def opens_at(self, attempts: Attempts, now: datetime) -> datetime | None:
        """When the next one is allowed; None: now."""
        end = attempts.first_at + self.window
        return end if attempts.count >= self.count and end > now else None

    def counted(self, attempts: Attempts | None, now: datetime) -> Attempts:
        """With one more."""
        if attempts is None or now - attempts.first_at >= self.window:
            return Attempts(1, now, now)
        return Attempts(attempts.count + 1, attempts.first_at, now)


Limit = Backoff | Quota

# A stranger who fails in somebody's name delays them for a quarter of an hour at most; a password reset opens at once.
SIGN_IN_PER_ACCOUNT = Backoff(free=5, first=timedelta(seconds=15), longest=timedelta(minutes=15))
SIGN_IN_PER_ADDRESS = Backoff(free=50, first=timedelta(seconds=30), longest=timedelta(hours=1))
MAILS_PER_ACCOUNT = Quota(5, timedelta(hours=1))
MAILS_PER_ADDRESS = Quota(30, timedelta(hours=1))
# A guessed token is hopeless (256 bits); this keeps the noise away.
TOKENS_PER_ADDRESS = Backoff(free=30, first=timedelta(seconds=30), longest=timedelta(hours=1))
