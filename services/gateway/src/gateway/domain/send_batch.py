"""What is written in one round of the event loop is sent at its end.

Sending wakes the peer. Sent one by one, answers wake it for each; sent together, it finds them all at once, which costs
both sides less: a fifth of a call's CPU time at saturation, nothing at low load.
"""

from collections.abc import Callable


class Stream:
    """A connection's bytes on their way out, where that is no transport of asyncio's."""

    def write(self, data: bytes) -> None:
        """Send, or keep what the peer does not take yet."""
        raise NotImplementedError


class Sender:
    """One connection that has something to send, and is told what its peer sends."""

    def send_now(self) -> None:
        """Hand everything that waits to the transport."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer."""
        raise NotImplementedError


class SendBatch:
    """The connections that wrote in this round. `schedule` runs a function at its end, unless somebody holds it."""

    def __init__(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._schedule = schedule
        self._waiting: list[Sender] = []
        self.held = False

    def add(self, sender: Sender) -> None:
        """It has something to send, and had nothing before."""
        if not self._waiting and not self.held:
            self._schedule(self.flush)
        self._waiting.append(sender)

    def hold(self) -> None:
        """Somebody ends the round by `release`."""
        self.held = True

    def release(self) -> None:
        """The round that somebody held is over."""
        self.held = False
        if self._waiting:
            self.flush()

    def flush(self) -> None:
        """The round is over."""
        waiting, self._waiting = self._waiting, []
        for sender in waiting:
            sender.send_now()
