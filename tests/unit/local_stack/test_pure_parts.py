"""What the local stack decides without touching a process."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from local_stack import kafka, postgres, processes
from local_stack.backoff import LONGEST_DELAY_SECONDS, crashes_after_exit, restart_delay_seconds
from local_stack.errors import StackError
from local_stack.identity import is_alive, start_token
from local_stack.jars import LockedJar, cache_root, locked_jars, matches, parse_lock
from local_stack.ports import Ports
from local_stack.privileges import may_traverse
from local_stack.progress import ProgressLine
from local_stack.state import Secrets, StateFolder, state_root, write_atomically
from local_stack.status import ProcessRecord, as_json, as_table, observed
from local_stack.supervisor import ports_from


def _context(folder: Path) -> processes.StackContext:
    ports = Ports().shifted(100)
    secrets = Secrets("private", "public", "box", "pw")
    return processes.StackContext(
        ports, secrets, StateFolder(folder), "127.0.0.1:19192", "postgresql://u:p@127.0.0.1:1/postgres?ssl=disable"
    )


def _record(**changes: object) -> ProcessRecord:
    facts: dict[str, object] = {
        "name": "gateway", "pid": os.getpid(), "token": start_token(os.getpid()), "port": 8080, "state": "ready",
        "since": "2026-11-22T15:57:57Z", "log": "/x/gateway.log", "ready_address": "http://127.0.0.1:8081/readyz",
    }  # fmt: skip
    return ProcessRecord(**(facts | changes))  # type: ignore[arg-type]


def test_ports_are_distinct_and_move_together() -> None:
    moved = Ports().shifted(10_000)
    assert len(set(asdict(moved).values())) == len(asdict(moved))
    assert moved.gateway == 18_080
    assert moved.kafka == 29_092


@pytest.mark.parametrize("text", ["60000", "-8000", "many"])
def test_an_impossible_offset_is_refused_by_name(text: str) -> None:
    with pytest.raises(StackError, match="TOLLWAY_PORT_OFFSET"):
        ports_from({"TOLLWAY_PORT_OFFSET": text})


def test_restart_delay_doubles_and_is_bounded() -> None:
    assert [restart_delay_seconds(n) for n in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert restart_delay_seconds(10_000) == LONGEST_DELAY_SECONDS


def test_a_long_life_forgives_earlier_crashes() -> None:
    assert crashes_after_exit(4, lived_seconds=0.2) == 5
    assert crashes_after_exit(4, lived_seconds=3600) == 1


def test_every_process_has_its_own_address_and_only_its_own_secrets(tmp_path: Path) -> None:
    context = _context(tmp_path)
    environments = {
        d.name: processes.environment_of(d, context, inherited={"PATH": "/bin", "TOLLWAY_DATABASE_URL": "stray"})
        for d in (*processes.STAND_INS, *processes.SERVICES)
    }
    assert environments["metering"]["TOLLWAY_DATABASE_URL"] == "postgresql://u:p@127.0.0.1:1/metering?ssl=disable"
    assert "TOLLWAY_DATABASE_URL" not in environments["gateway"]
    assert environments["gateway"]["TOLLWAY_PORT"] == "8180"
    assert environments["portal-api"]["TOLLWAY_ALLOWED_PRIVATE_ADDRESSES"] == "127.0.0.1:8600"
    holders = {name for name, settings in environments.items() if "private" in settings.values()}
    assert holders == {"billing-sync"}
    assert all(e["PATH"] == "/bin" for e in environments.values())


def test_an_api_of_ones_own_may_be_called_beside_the_sample(tmp_path: Path) -> None:
    shell = {"TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": "127.0.0.1:3000"}
    settings = {d.name: processes.environment_of(d, _context(tmp_path), inherited=shell) for d in processes.SERVICES}
    holders = {name for name, values in settings.items() if "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES" in values}
    assert holders == {"gateway", "portal-api"}
    for name in holders:
        assert settings[name]["TOLLWAY_ALLOWED_PRIVATE_ADDRESSES"] == "127.0.0.1:8600,127.0.0.1:3000"


def test_overrides_win(tmp_path: Path) -> None:
    gateway = next(d for d in processes.SERVICES if d.name == "gateway")
    settings = processes.environment_of(gateway, _context(tmp_path), inherited={}, overrides={"TOLLWAY_PORT": "1"})
    assert settings["TOLLWAY_PORT"] == "1"


def test_the_jar_lock_is_whole_and_names_no_host() -> None:
    jars = locked_jars()
    assert len(jars) == 47
    assert len({jar.file_name for jar in jars}) == 47
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert all("/" not in part for jar in jars for part in (jar.group, jar.artifact, jar.version))


def test_a_damaged_jar_is_noticed(tmp_path: Path) -> None:
    jar = LockedJar("g", "a", "1", hashlib.sha256(b"whole").hexdigest())
    path = tmp_path / jar.file_name
    assert not matches(path, jar)
    path.write_bytes(b"whol")
    assert not matches(path, jar)
    path.write_bytes(b"whole")
    assert matches(path, jar)


def test_lock_lines_are_read() -> None:
    assert parse_lock("# comment\n\ng:a:1 ff\n") == (LockedJar("g", "a", "1", "ff"),)


def test_the_cache_follows_xdg() -> None:
    assert cache_root({"XDG_CACHE_HOME": "/c"}) == Path("/c/tollway")
    assert cache_root({}) == Path.home() / ".cache" / "tollway"


def test_kafka_advertises_the_shifted_port() -> None:
    settings = kafka.properties(Ports().shifted(5), Path("/data"))
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:19097\n" in settings
    assert "controller.quorum.voters=1@127.0.0.1:19098\n" in settings
    assert "auto.create.topics.enable=false\n" in settings


def test_a_database_replaces_the_path_of_a_server_url() -> None:
    assert postgres.with_database("postgresql://u:p@h:1/postgres", "metering") == "postgresql://u:p@h:1/metering"


def test_a_folder_private_to_its_owner_stops_everybody_else(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    inside = private / "data"
    inside.mkdir()
    assert not may_traverse(inside, os.getuid() + 12_345)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_reused_process_id_is_not_taken_for_the_former_process() -> None:
    assert is_alive(os.getpid(), start_token(os.getpid()))
    assert not is_alive(os.getpid(), "1")
    assert not is_alive(None, None)


def test_secrets_are_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.prepare()
    first = folder.secrets()
    assert folder.secrets() == first
    assert stat.S_IMODE((folder.root / "secrets.json").stat().st_mode) == 0o600
    assert Secrets.generate() != first


def test_reset_deletes_only_what_a_stack_wrote(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.prepare()
    folder.secrets()
    (tmp_path / "letter.txt").write_text("not ours")
    folder.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    write_atomically(path, "1", mode=0o600)
    write_atomically(path, "2", mode=0o600)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("f.json", "2")]


def test_the_state_folder_can_be_named() -> None:
    assert state_root({}, Path("/clone")) == Path("/clone/.tollway")
    assert state_root({"TOLLWAY_STATE": "/elsewhere"}, Path("/clone")) == Path("/elsewhere")


def test_status_json_has_exactly_the_documented_fields() -> None:
    (entry,) = json.loads(as_json([_record(pid=4242)]))
    assert entry == {
        "name": "gateway", "pid": 4242, "port": 8080, "state": "ready", "since": "2026-11-22T15:57:57Z",
        "log": "/x/gateway.log",
    }  # fmt: skip


def test_status_tells_what_is_true_now() -> None:
    assert observed(_record(), lambda _: True).state == "ready"
    assert observed(_record(), lambda _: False).state == "starting"
    gone = observed(_record(token="1"), lambda _: True)
    assert (gone.state, gone.pid) == ("stopped", None)
    assert observed(_record(token="1", state="restarting"), lambda _: True).state == "restarting"


def test_the_table_names_every_process() -> None:
    table = as_table([_record(), _record(name="kafka", pid=None, since=None, state="stopped")])
    assert "gateway" in table and "kafka" in table
    assert "make up" in as_table([])


def test_a_progress_line_reads_well() -> None:
    assert str(ProgressLine("kafka", "ready", 1.94, "127.0.0.1:19092")) == (
        "kafka          ready        1.9 s   127.0.0.1:19092"
    )


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    drawn = iter([b"\xf8" + bytes(15), b"\x04" + bytes(15)])  # the first would begin with a hyphen
    assert kafka.new_cluster_id(lambda _: next(drawn)) == "BAAAAAAAAAAAAAAAAAAAAA"
