"""Windows: whatever the order, the repeats and the batches, the highest revision is what stays."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal_api.billing.domain.usage import newest_windows, window_key
from shared.events.usage import UsageWindow

START = datetime(2026, 11, 1, tzinfo=UTC)


def window(minute: int, revision: int, billable: bool) -> UsageWindow:
    # A window's total is a function of its revision: equal revisions are the same record.
    return UsageWindow(
        subscription_id="sub_1",
        subscription_number=1,
        plan_version_number=5,
        period_start=START,
        api_number=2,
        operation_number=3,
        window_start=START + timedelta(minutes=minute),
        environment="production",
        billable=billable,
        status_class=2,
        calls=revision * 3,
        units=revision * 3,
        revision=revision,
    )


WINDOWS = st.lists(st.builds(window, st.integers(0, 4), st.integers(1, 6), st.booleans()), max_size=40)


@given(WINDOWS, st.randoms(use_true_random=False))
def test_order_does_not_matter(windows: list[UsageWindow], random: object) -> None:
    shuffled = list(windows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert newest_windows(windows) == newest_windows(shuffled)


@given(WINDOWS)
def test_the_highest_revision_stays(windows: list[UsageWindow]) -> None:
    highest = {window_key(w): max(x.revision for x in windows if window_key(x) == window_key(w)) for w in windows}
    assert {window_key(w): w.revision for w in newest_windows(windows)} == highest


@given(WINDOWS, st.integers(0, 40))
def test_batches_do_not_matter(windows: list[UsageWindow], cut: int) -> None:
    first, second = newest_windows(windows[:cut]), newest_windows(windows[cut:])
    assert newest_windows([*first, *second]) == newest_windows(windows)
    assert newest_windows([*windows, *windows]) == newest_windows(windows)
