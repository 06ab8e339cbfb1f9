"""Kafka and PostgreSQL in containers, and the bounded decision whether that is possible here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from local_stack import kafka as kafka_probe
from local_stack import postgres as postgres_probe
from local_stack.ports import Ports

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:17"
ENGINE_ANSWERS_WITHIN_SECONDS = 3
PULL_WITHIN_SECONDS = 120.0
# An idle machine needs 3 s; on two cores that eight people share, Java was seen to take 106 s.
READY_WITHIN_SECONDS = 180.0

# The kit's cleaner is one more image to pull; we stop what we start, and a killed run leaves at most two containers.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")

# After the settings: the kit reads them when it is imported.
from testcontainers.core.container import DockerContainer  # noqa: E402


class ContainerFailed(RuntimeError):
    """The image is there, but its container does not become usable."""


@cache
def _engine_problem() -> str | None:
    """None when an engine answers. Asked once per run: a dead socket costs up to three seconds."""
    import docker  # type: ignore[import-untyped]
    from docker.errors import DockerException  # type: ignore[import-untyped]

    try:
        client = docker.from_env(timeout=ENGINE_ANSWERS_WITHIN_SECONDS)
        client.ping()
        client.close()
    except (DockerException, OSError) as error:
        return f"no Docker engine answers ({type(error).__name__})"
    return None


@cache
def _image_problem(image: str) -> str | None:
    """None when the image is there or was pulled in time."""
    import docker
    from docker.errors import DockerException, ImageNotFound

    client = docker.from_env(timeout=int(PULL_WITHIN_SECONDS))
    try:
        client.images.get(image)
        return None
    except ImageNotFound:
        pass
    failures: list[str] = []

    def pull() -> None:
        try:
            client.images.pull(image)
        except (DockerException, OSError) as error:
            failures.append(type(error).__name__)

    # A thread, because a stalled registry is silent: the decision must end even when the pull does not.
    puller = threading.Thread(target=pull, daemon=True)
    puller.start()
    puller.join(PULL_WITHIN_SECONDS)
    if puller.is_alive():
        return f"{image} was not pulled within {PULL_WITHIN_SECONDS:.0f} s"
    return f"{image} cannot be pulled ({failures[0]})" if failures else None


def why_not(image: str, wish: str) -> str | None:
    """Why no container is used, or None when one can be. `wish`: never, always or auto."""
    if wish == "never":
        return "TOLLWAY_TEST_CONTAINERS=never"
    problem = _engine_problem() or _image_problem(image)
    if problem and wish == "always":
        raise RuntimeError(f"TOLLWAY_TEST_CONTAINERS=always, but {problem}")
    return problem


@contextmanager
def kafka() -> Iterator[str]:
    """Apache's own image. Both sides of the port are the same number: the broker advertises what clients dial."""
    port = Ports.free().kafka
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://0.0.0.0:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        # Without these a transactional producer waits for ever for two more brokers.
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_LOG_CLEANER_BACKOFF_MS": "500",
        "KAFKA_HEAP_OPTS": "-Xms128m -Xmx384m",
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    for name, value in settings.items():
        container = container.with_env(name, value)
    with container:
        bootstrap_servers = f"127.0.0.1:{port}"
        _wait_until(lambda: kafka_probe.is_ready(bootstrap_servers), container)
        yield bootstrap_servers


@contextmanager
def postgres() -> Iterator[str]:
    """PostgreSQL without fsync: a test's data need not survive a power cut."""
    container = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", "test")
        .with_command("postgres -c fsync=off -c full_page_writes=off -c max_connections=300")
        .with_exposed_ports(5432)
    )
    with container:
        url = f"postgresql://postgres:test@127.0.0.1:{container.get_exposed_port(5432)}/postgres"
        _wait_until(lambda: postgres_probe.is_ready(url), container)
        yield url


def _wait_until(condition: Callable[[], bool], container: DockerContainer) -> None:
    deadline, pause = time.monotonic() + READY_WITHIN_SECONDS, threading.Event()
    while not condition():
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        if wrapped.status == "exited":
            output = wrapped.logs(tail=1).decode(errors="replace").strip()
            raise ContainerFailed(f"{container.image} ended by itself: {output}")
        if time.monotonic() > deadline:
            raise ContainerFailed(f"{container.image} is not ready after {READY_WITHIN_SECONDS:.0f} s")
        pause.wait(0.1)
