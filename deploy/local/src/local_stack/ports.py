"""Every port of a stack in one value, so that a second stack can run beside the first."""

from __future__ import annotations

import random
import socket
from dataclasses import asdict, dataclass, fields
from typing import Self

import psutil

from local_stack.errors import PortTaken, StackError

LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Ports:
    """The default addresses of the local stack; `shifted` moves all of them together."""

    portal: int = 8000
    portal_operations: int = 8001
    billing_sync: int = 8010
    billing_sync_operations: int = 8011
    subscriptions_operations: int = 8021
    metering_operations: int = 8031
    gateway: int = 8080
    gateway_operations: int = 8081
    stripe: int = 8400
    reading_list: int = 8500
    mailbox: int = 8600
    mailbox_smtp: int = 8601
    postgres: int = 15_432
    kafka: int = 19_092
    kafka_controller: int = 19_093

    def shifted(self, offset: int) -> Self:
        """The same ports, each higher by `offset` (TOLLWAY_PORT_OFFSET)."""
        moved = {name: port + offset for name, port in asdict(self).items()}
        if min(moved.values()) < 1024 or max(moved.values()) > HIGHEST_PORT:
            raise StackError(
                f"TOLLWAY_PORT_OFFSET={offset} leaves the range 1024 to {HIGHEST_PORT}; "
                f"use a number from 0 to {HIGHEST_PORT - max(asdict(self).values())}."
            )
        return type(self)(**moved)

    @classmethod
    def free(cls) -> Self:
        """Ports nobody listens on now, below the range the kernel hands to outgoing connections."""
        offsets = list(range(1_000, 13_000, 40))
        random.shuffle(offsets)
        for offset in offsets:
            candidate = cls().shifted(offset)
            if all(is_free(port) for port in asdict(candidate).values()):
                return candidate
        raise StackError("No block of free ports was found on 127.0.0.1; stop other programs and try again.")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port that only has closed connections in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_listening(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def holder_of(port: int) -> str:
    """Who listens on the port, as far as this user may see it."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    except psutil.Error:
        pass  # macOS shows other people's sockets to root only
    return "a program this user may not inspect"


def require_free(wanted: dict[str, int]) -> None:
    """Refuse, naming port, holder and cure, when a process could not listen where it must."""
    for name, port in wanted.items():
        if not is_free(port):
            raise PortTaken(
                f"Port {port} ({name}) is taken by {holder_of(port)}: stop it, or move the whole stack with "
                f"TOLLWAY_PORT_OFFSET=10000 in front of the command (for example `TOLLWAY_PORT_OFFSET=10000 make up`)."
            )


def names() -> tuple[str, ...]:
    """The port names, in the order of the table."""
    return tuple(field.name for field in fields(Ports))
