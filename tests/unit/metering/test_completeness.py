"""Until when usage is complete."""

from metering.domain.completeness import StreamClaim, decide_complete_until

NOW = 1_000_000


def stream(claimed: int, *, held: int | None = None, closed: bool = False, silent: float = 0, gap: float | None = None):
    return StreamClaim(bytes([claimed % 250]) * 16, claimed, held, closed, silent, gap)


def test_no_stream_means_complete_until_the_look() -> None:
    assert decide_complete_until(NOW, [], None).complete_until_us == NOW


def test_the_slowest_stream_decides() -> None:
    assert decide_complete_until(NOW, [stream(900), stream(700), stream(800)], None).complete_until_us == 700


def test_never_later_than_the_look_because_a_new_stream_may_have_begun() -> None:
    assert decide_complete_until(NOW, [stream(NOW + 5)], None).complete_until_us == NOW


def test_a_closed_stream_does_not_hold() -> None:
    assert decide_complete_until(NOW, [stream(5, closed=True), stream(900)], None).complete_until_us == 900


def test_a_silent_stream_leaves_with_an_alarm() -> None:
    quiet = stream(5, silent=301)
    decided = decide_complete_until(NOW, [quiet, stream(900)], None)
    assert decided.complete_until_us == 900
    assert decided.silent == (quiet.stream_id,)
    assert decide_complete_until(NOW, [stream(5, silent=299)], None).complete_until_us == 5


def test_an_open_gap_holds_at_what_was_claimed_before_it() -> None:
    assert decide_complete_until(NOW, [stream(900, held=600, gap=1.0)], None).complete_until_us == 600
    assert decide_complete_until(NOW, [stream(900, held=600, gap=1.0, closed=True)], None).complete_until_us == 600


def test_an_old_gap_holds_no_longer_and_raises_an_alarm() -> None:
    old = stream(900, held=600, gap=301)
    decided = decide_complete_until(NOW, [old], None)
    assert (decided.complete_until_us, decided.overdue_gaps) == (900, (old.stream_id,))


def test_a_waiting_call_holds_at_its_admission() -> None:
    assert decide_complete_until(NOW, [stream(900)], 450).complete_until_us == 450
