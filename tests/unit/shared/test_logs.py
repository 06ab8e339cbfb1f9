"""What is left out of the log, and said to be."""

import logging

from shared.observability.logs import OncePerInterval


def record(*args: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "client.py", 1, "no connection to node %s", args, None)


def test_a_repeated_message_passes_once_in_the_interval_and_says_how_often_it_was_said() -> None:
    now = 0.0
    once = OncePerInterval(10, monotonic=lambda: now)
    assert [once.filter(record(1)) for _ in range(5)] == [True, False, False, False, False]
    assert once.filter(record(2)), "another node is another message"
    now = 10.0
    later = record(1)
    assert once.filter(later)
    assert later.getMessage() == "no connection to node 1 (4 more like this were left out)"
