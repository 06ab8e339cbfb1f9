"""The listening socket of a worker, and its hand-over to the worker that takes its place.

Workers share one port by SO_REUSEPORT: each has a socket and a queue of connections of its own, and a worker that dies
takes only its own queue with it. A planned successor gets the very socket of its predecessor over a unix socket beside
the log, so connections that are queued when the predecessor leaves are accepted by the successor.
"""

import asyncio
import os
import socket
from pathlib import Path

import structlog

log = structlog.get_logger()

_PATH_LIMIT = 100  # sockaddr_un holds 107 bytes


def open_listener(host: str, port: int) -> socket.socket:
    """Bind a socket of our own. Raises OSError when another program has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setblocking(False)
    try:
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


def take_over(place: Path, host: str, port: int) -> socket.socket | None:
    """The socket of the worker that has this place now, if there is one and it serves the same address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(2)
        try:
            with _Place(place) as address:
                link.connect(address)
            _, handles, _, _ = socket.recv_fds(link, 16, 1)
        except OSError:
            return None
    if not handles:
        return None
    listener = socket.socket(fileno=handles[0])
    listener.setblocking(False)
    bound = listener.getsockname()
    if bound[1] != port or bound[0] != host:
        listener.close()
        return None
    log.info("took over the listening socket", place=str(place))
    return listener


class HandOver:
    """Gives the listening socket to whoever asks at `place`; the folder's rights say who may."""

    def __init__(self, place: Path, listener: socket.socket) -> None:
        self._listener = listener
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.setblocking(False)
        place.unlink(missing_ok=True)
        with _Place(place) as address:
            self._door.bind(address)
        place.chmod(0o600)
        self._door.listen(4)
        asyncio.get_running_loop().add_reader(self._door.fileno(), self._give)

    def _give(self) -> None:
        try:
            link, _ = self._door.accept()
        except OSError:
            return
        with link:
            link.settimeout(1)
            try:
                socket.send_fds(link, [b"listener"], [self._listener.fileno()])
            except OSError as error:
                log.warning("the successor went away", error=str(error))

    def close(self) -> None:
        """Nobody is given anything any more. The door's file may be a successor's by now: it stays."""
        asyncio.get_running_loop().remove_reader(self._door.fileno())
        self._door.close()


class _Place:
    """The address of a unix socket in a folder whose path may be too long for one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = -1

    def __enter__(self) -> str:
        if len(str(self._path)) < _PATH_LIMIT:
            return str(self._path)
        self._folder = os.open(self._path.parent, os.O_RDONLY)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._folder >= 0:
            os.close(self._folder)
