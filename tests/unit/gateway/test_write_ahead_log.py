"""Whatever instant a worker dies at, its log gives back every record, and a mark for every call that was open."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters import write_ahead_log
from gateway.adapters.stream_files import DRAFT_SECONDS, StreamBusy, StreamFiles, orphans
from gateway.adapters.write_ahead_log import CLAIM_MARGIN_US, WriteAheadLog
from shared.clock import FixedClock, to_us
from shared.events.call_record import CALL, CALL_BYTES, COMMIT_OFFSET, FLAG_INTENT_ONLY, STREAM_CLOSED, checksum

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


def new_log(directory: Path, clock: FixedClock, *, segment_records: int = 4, max_bytes: int = 1 << 20) -> WriteAheadLog:
    files = StreamFiles.create(directory, partitions=8, segment_records=segment_records, open_slots=8)
    return WriteAheadLog(files, clock, max_bytes=max_bytes)


def open_one(log: WriteAheadLog) -> int:
    return log.open_call(11, 3, 7, 9, 5, 0)


def finish(log: WriteAheadLog, slot: int, status: int = 200) -> None:
    log.append(slot, bytes_in=1, bytes_out=2, units=1, latency_us=3, upstream_us=4, status=status, flags=1)


def call(log: WriteAheadLog) -> None:
    finish(log, open_one(log))


def adopt(directory: Path, clock: FixedClock) -> tuple[WriteAheadLog, int]:
    (files,) = orphans(directory)
    log = WriteAheadLog(files, clock, max_bytes=1 << 20)
    return log, log.recover()


def all_calls(log: WriteAheadLog) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    first = log.acknowledged + 1
    while first < log.end:
        data = log.read(first, 100)
        for at in range(0, len(data), CALL_BYTES):
            assert CALL.unpack_from(data, at)[-1] == checksum(data[at : at + CALL_BYTES])
        found += CALL.iter_unpack(data)
        first += len(data) // CALL_BYTES
    return found


def test_records_are_read_as_they_were_written_over_segments(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock)
    for _ in range(10):
        call(log)
    calls = all_calls(log)
    assert [one[0] for one in calls] == list(range(1, 11))
    assert calls[0][1:14] == (to_us(START), 11, 3, 1, 2, 7, 9, 5, 1, 3, 4, 200, 1)
    assert len({one[14] for one in calls}) == 10


def test_acknowledged_segments_are_freed_and_the_checkpoint_survives(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock)
    for _ in range(10):
        call(log)
    log.acknowledge(9)
    assert len(list(tmp_path.glob("*/*.segment"))) == 1
    log.close()
    adopted, intents = adopt(tmp_path, clock)
    assert (intents, [one[0] for one in all_calls(adopted)]) == (0, [10])
    assert adopted.stream_id == log.stream_id


def test_a_full_log_refuses_calls_and_reserves_for_open_ones(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock, max_bytes=4 * CALL_BYTES)
    slots = [open_one(log) for _ in range(4)]
    assert -1 not in slots
    assert open_one(log) == -1
    for slot in slots:
        finish(log, slot)
    assert open_one(log) == -1
    log.acknowledge(4)
    assert open_one(log) != -1


def test_no_more_calls_than_slots_are_open(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock, segment_records=100)
    assert [open_one(log) >= 0 for _ in range(9)] == [True] * 8 + [False]


def test_a_full_disk_refuses_calls(tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    log = new_log(tmp_path, clock)

    def full(_: StreamFiles, __: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StreamFiles, "segment", full)
    assert open_one(log) == -1


def test_open_calls_of_a_dead_worker_become_intents_once(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock)
    call(log)
    slots = [open_one(log) for _ in range(6)]
    finish(log, slots[0])
    ids = {bytes.fromhex(log.request_id(slot).decode()) for slot in slots[1:]}
    log.close()  # as the end of the process closes it
    clock.advance(timedelta(seconds=5))
    adopted, intents = adopt(tmp_path, clock)
    calls = all_calls(adopted)
    assert (intents, len(calls)) == (5, 7)
    assert {one[14] for one in calls if one[13] & FLAG_INTENT_ONLY} == ids
    assert all(one[9] == 0 and one[12] == 0 and one[13] == FLAG_INTENT_ONLY for one in calls[2:])
    adopted.close()
    again, intents = adopt(tmp_path, clock)
    assert (intents, len(all_calls(again))) == (0, 7)


def test_a_death_between_record_and_slot_makes_no_second_record(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock)
    slot = open_one(log)
    table = log._files.open_calls
    before = bytes(table)
    finish(log, slot)
    table[:] = before
    log.close()
    adopted, intents = adopt(tmp_path, clock)
    assert (intents, len(all_calls(adopted))) == (0, 1)


@pytest.mark.parametrize("kept", [8, 40, COMMIT_OFFSET, COMMIT_OFFSET + 2])
def test_a_torn_record_is_found_and_its_call_is_an_intent(tmp_path: Path, clock: FixedClock, kept: int) -> None:
    log = new_log(tmp_path, clock)
    call(log)
    slot = open_one(log)
    table = bytes(log._files.open_calls)
    finish(log, slot)
    log._files.open_calls[:] = table
    segment = log._files.segment(0)
    segment[CALL_BYTES + kept : 2 * CALL_BYTES] = bytes(CALL_BYTES - kept)
    torn = write_ahead_log.metrics.TORN._value.get()
    log.close()
    adopted, intents = adopt(tmp_path, clock)
    calls = all_calls(adopted)
    assert (intents, [one[0] for one in calls], calls[1][13]) == (1, [1, 2], FLAG_INTENT_ONLY)
    assert write_ahead_log.metrics.TORN._value.get() == torn + 1


def test_a_living_workers_stream_is_left_alone(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock)
    assert orphans(tmp_path) == []
    with pytest.raises(StreamBusy):
        StreamFiles.open(tmp_path / log.stream_id.hex())


def test_leftovers_of_interrupted_creations_are_removed(tmp_path: Path) -> None:
    draft = tmp_path / f".{'0f' * 16}"
    draft.mkdir()
    (draft / "header").write_bytes(b"")
    assert orphans(tmp_path) == []
    assert list(tmp_path.iterdir()) == [draft]  # perhaps a worker is making it
    long_ago = draft.stat().st_mtime - 2 * DRAFT_SECONDS
    os.utime(draft, (long_ago, long_ago))
    assert orphans(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_only_a_finished_stream_is_deleted(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock)
    call(log)
    with pytest.raises(ValueError, match="not finished"):
        log.delete()
    log.acknowledge(1)
    log.state_complete_until(STREAM_CLOSED)
    log.delete()
    assert list(tmp_path.iterdir()) == []


class TestCompleteUntil:
    def test_it_waits_for_the_oldest_call_in_flight(self, tmp_path: Path, clock: FixedClock) -> None:
        log = new_log(tmp_path, clock)
        clock.advance(timedelta(seconds=1))
        slot = open_one(log)
        admitted = to_us(clock.now())
        clock.advance(timedelta(seconds=10))
        assert log.complete_until_us() == admitted - CLAIM_MARGIN_US
        finish(log, slot)
        assert log.complete_until_us() == to_us(clock.now()) - CLAIM_MARGIN_US

    def test_a_clock_that_jumps_a_month_does_not_pass_an_open_call(self, tmp_path: Path, clock: FixedClock) -> None:
        log = new_log(tmp_path, clock)
        slot = open_one(log)
        clock.advance(timedelta(days=31))
        assert log.complete_until_us() <= to_us(START)
        finish(log, slot)
        assert all_calls(log)[0][1] == to_us(START + timedelta(days=31))

    def test_nothing_is_recorded_before_what_was_said(self, tmp_path: Path, clock: FixedClock) -> None:
        log = new_log(tmp_path, clock)
        clock.advance(timedelta(seconds=10))
        said = log.complete_until_us()
        log.state_complete_until(said)
        clock.set(START - timedelta(days=1))
        call(log)
        assert all_calls(log)[0][1] >= said
        assert log.complete_until_us() >= said
        log.close()
        adopted, _ = adopt(tmp_path, clock)
        assert adopted.stated_complete_until_us == said

    def test_calls_open_for_over_30_seconds_hold_nothing_back(
        self, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = new_log(tmp_path, clock)
        slot = open_one(log)
        monkeypatch.setattr(write_ahead_log, "LONG_CALL_SECONDS", -1.0)
        clock.advance(timedelta(seconds=40))
        assert log.complete_until_us() == to_us(clock.now()) - CLAIM_MARGIN_US
        finish(log, slot)
        assert len(all_calls(log)) == 1


def test_a_hole_between_whole_records_is_filled_and_what_came_after_it_is_kept(
    tmp_path: Path, clock: FixedClock
) -> None:
    log = new_log(tmp_path, clock)
    for _ in range(5):
        call(log)
    segment = log._files.segment(0)
    segment[CALL_BYTES : 3 * CALL_BYTES] = bytes(2 * CALL_BYTES)  # a power loss took a page
    torn = write_ahead_log.metrics.TORN._value.get()
    log.close()
    adopted, _ = adopt(tmp_path, clock)
    calls = all_calls(adopted)
    assert [one[0] for one in calls] == [1, 2, 3, 4, 5]
    assert [bool(one[13] & FLAG_INTENT_ONLY) for one in calls] == [False, True, True, False, False]
    assert len({one[14] for one in calls}) == 5
    assert [one[1] for one in calls] == sorted(one[1] for one in calls)
    assert write_ahead_log.metrics.TORN._value.get() == torn + 2


def test_the_next_segment_is_prepared_before_it_is_needed(tmp_path: Path, clock: FixedClock) -> None:
    log = new_log(tmp_path, clock)
    assert log.segment_to_prepare() == 0
    log.make_segment(0)
    call(log)
    while log.segment_to_prepare() < 0:
        call(log)
    log.make_segment(log.segment_to_prepare())
    log.sync()
    before = sorted(path.name for path in tmp_path.glob("*/*.segment"))
    while log._allocated == log._records:
        call(log)
    assert sorted(path.name for path in tmp_path.glob("*/*.segment")) == before


def test_folders_that_are_not_streams_are_left_alone(tmp_path: Path) -> None:
    """A volume's root has lost+found, which a service may not even look into."""
    foreign = tmp_path / "lost+found"
    foreign.mkdir()
    (foreign / "header").write_bytes(b"not ours")
    hidden = tmp_path / ".snapshot"
    hidden.mkdir()
    assert orphans(tmp_path) == []
    assert (foreign / "header").read_bytes() == b"not ours" and hidden.is_dir()
