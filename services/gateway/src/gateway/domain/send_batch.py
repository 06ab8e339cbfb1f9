"""What is written in one round of the event loop is sent at its end.

Sending wakes the peer. Sent one by one, answers wake it for each; sent together, it finds them all at once, which costs
both sides less: a fifth of a call's CPU time at saturation, nothing at low load.
"""

from collections.abc import Callable


class Sender:
    """One connection that has something to send."""

    def send_now(self) -> None:
        """Hand everything that waits to the transport."""
        raise NotImplementedError


class SendBatch:
    """The connections that wrote in this round. `schedule` runs a function at its end."""

    def __init__(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._schedule = schedule
        self._waiting: list[Sender] = []

    def add(self, sender: Sender) -> None:
        """It has something to send, and had nothing before."""
        if not self._waiting:
            self._schedule(self.flush)
        self._waiting.append(sender)

    def flush(self) -> None:
        """The round is over."""
        waiting, self._waiting = self._waiting, []
        for sender in waiting:
            sender.send_now()
