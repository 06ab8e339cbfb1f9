"""How long a client may take for each part of a call."""

WAIT_SECONDS = 1.0  # a call that waits for the tables
WAIT_STEP_SECONDS = 0.02  # between two looks at them
DRAIN_IDLE_SECONDS = 1.0  # the same while we leave: a client in the middle of its work hears "close" with an answer
KEEP_ALIVE_SECONDS = 75.0  # a connection without a request; longer than usual clients keep theirs
HEAD_SECONDS = 30.0  # a head that does not end
BODY_SECONDS = 60.0  # a body that does not go on, or a client that does not read
LINGER_SECONDS = 2.0  # after the last answer, so that closing does not reset it


def idle_seconds(*, draining: bool) -> float:
    """How long a connection may be without a request."""
    return DRAIN_IDLE_SECONDS if draining else KEEP_ALIVE_SECONDS
