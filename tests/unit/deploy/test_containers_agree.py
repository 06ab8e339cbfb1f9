"""Compose, the images and Kubernetes give each process what `make up` gives it: none can miss a setting."""

import base64
import importlib
import re

import pytest
from nacl.public import PrivateKey
from tests.unit.deploy.containers_described import (
    BASE,
    COMPOSE,
    LOCAL,
    PROCESSES,
    ROOT,
    STACK,
    compose_settings,
    container,
    dockerfile,
    folder_of,
    image_settings,
    interpolated,
    k8s_settings,
    workload,
)

from local_stack.compose import ComposeStack
from local_stack.ports import Ports
from local_stack.processes import DATABASES, SERVICES, STAND_INS, environment_of

pytestmark = pytest.mark.unit
SERVICE_NAMES = [process.name for process in SERVICES]
STAND_IN_NAMES = [process.name for process in STAND_INS]
# May be set in containers beyond the local stack's table.
ALSO = {
    "TOLLWAY_LOG_LEVEL", "TOLLWAY_INSTANCE", "TOLLWAY_SMTP_USERNAME", "TOLLWAY_SMTP_PASSWORD",
    "TOLLWAY_GATEWAY_WORKERS", "TOLLWAY_DRAIN_NOTICE_SECONDS",
}  # fmt: skip


def local_settings(name: str) -> set[str]:
    given = environment_of(PROCESSES[name], STACK, inherited={})
    return {variable for variable in given if variable.startswith("TOLLWAY_")}


def settings_given(name: str, where: str) -> dict[str, str]:
    process = PROCESSES[name]
    return image_settings(process) | {"compose": compose_settings, "k8s": k8s_settings}[where](process)


@pytest.mark.parametrize("where", ["compose", "k8s"])
@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_same_variables_as_in_the_local_stack(name: str, where: str) -> None:
    assert set(settings_given(name, where)) - ALSO == local_settings(name)


@pytest.mark.parametrize("where", ["compose", "k8s"])
@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_the_service_accepts_them_and_knows_each(name: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings_given(name, where)
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    package = PROCESSES[name].module.removesuffix(".main")
    settings = importlib.import_module(f"{package}.settings").Settings()
    unknown = {variable.removeprefix("TOLLWAY_").lower() for variable in given} - set(type(settings).model_fields)
    assert not unknown, "ignored silently by the service"
    assert settings.sandbox is True


@pytest.mark.parametrize("name", list(PROCESSES))
def test_ports_are_those_of_the_local_stack(name: str) -> None:
    process = PROCESSES[name]
    ports = {
        getattr(STACK.ports, port)
        for port in (process.traffic_port, process.operations_port, *process.other_ports)
        if port
    }
    published = {interpolated(port) for port in COMPOSE["services"][name]["ports"]}
    assert published == {f"127.0.0.1:{port}:{port}" for port in ports}
    exposed = re.search(r"^EXPOSE (.+)$", dockerfile(process), re.MULTILINE)
    assert exposed and {int(port) for port in exposed[1].split()} == ports
    objects = BASE if name in SERVICE_NAMES else LOCAL
    assert {port["containerPort"] for port in container(name, objects)["ports"]} == ports
    assert {port["port"] for port in objects["Service", name]["spec"]["ports"]} == ports
    if name in SERVICE_NAMES:
        listening = {int(value) for key, value in image_settings(process).items() if key.endswith("PORT")}
        assert listening == ports


def test_kafka_and_postgres_listen_where_programs_of_this_machine_look() -> None:
    kafka, postgres = COMPOSE["services"]["kafka"], COMPOSE["services"]["postgres"]
    assert interpolated(kafka["ports"][0]) == f"127.0.0.1:{STACK.ports.kafka}:{STACK.ports.kafka}"
    assert f"127.0.0.1:{STACK.ports.kafka}" in interpolated(kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"])
    assert interpolated(postgres["ports"][0]) == f"127.0.0.1:{STACK.ports.postgres}:5432"


def test_every_published_port_moves_with_the_stack() -> None:
    """`make demo-compose` and the tests run beside another stack: no port may be missing among what they set."""
    stack = ComposeStack(Ports().shifted(5000))
    moved = stack.environment({})
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    variables = [re.fullmatch(r"127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+", port) for port in published]
    assert all(variables), "a port that cannot be moved, or that other machines reach"
    assert {match[1]: str(int(match[2]) + 5000) for match in variables if match} == moved


def test_the_sandbox_is_a_profile_that_is_on_by_default() -> None:
    profiles = {name: service.get("profiles", []) for name, service in COMPOSE["services"].items()}
    assert {name for name, chosen in profiles.items() if chosen == ["sandbox"]} == set(STAND_IN_NAMES)
    assert all(not chosen for name, chosen in profiles.items() if name not in STAND_IN_NAMES)
    lines = [line for line in (ROOT / ".env").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["COMPOSE_PROFILES=sandbox"], "committed: nobody's own settings may be in it"


@pytest.mark.parametrize("name", list(PROCESSES))
def test_the_image_starts_the_module_and_asks_the_ready_path(name: str) -> None:
    process = PROCESSES[name]
    text = dockerfile(process)
    assert f'ENTRYPOINT ["python", "-m", "{process.module}"]' in text
    assert f"GET {process.ready_path} " in text
    compose = COMPOSE["services"][name]
    assert compose["build"]["dockerfile"] == f"{folder_of(process)}/Dockerfile"
    objects = BASE if name in SERVICE_NAMES else LOCAL
    assert container(name, objects)["readinessProbe"]["httpGet"]["path"] == process.ready_path
    assert container(name, objects)["image"] == interpolated(compose["image"]) == f"tollway/{name}:dev"


@pytest.mark.parametrize("names", [SERVICE_NAMES, STAND_IN_NAMES], ids=["services", "stand-ins"])
def test_dockerfiles_have_one_shape(names: list[str]) -> None:
    """Same lines but for name, module, ports, settings, a folder that outlives the container, a builder's compiler."""

    def shape(name: str) -> list[str]:
        process = PROCESSES[name]
        text = dockerfile(process).replace(folder_of(process), "<folder>").replace(process.module, "<module>")
        text = re.sub(
            r"^(ENV TOLLWAY_|EXPOSE|CMD|RUN install -d|VOLUME|# A volume|# This service alone|RUN apt-get).*\n",
            "",
            text,
            flags=re.MULTILINE,
        )
        text = text.replace(f"tollway/{name}:", "tollway/<name>:")
        return re.sub(r"127.0.0.1', \d+|GET \S+", "<ready>", text).splitlines()

    first, *others = names
    for other in others:
        assert shape(other) == shape(first)


@pytest.mark.parametrize("name", list(PROCESSES))
def test_images_run_without_privileges_and_need_no_registry_feature(name: str) -> None:
    text = dockerfile(PROCESSES[name])
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["10001:10001"]
    assert "# syntax" not in text and "://" not in text and "@sha256" not in text
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:${PYTHON_TAG}"] * 2
    compose = COMPOSE["services"][name]
    assert compose["read_only"] is True and compose["cap_drop"] == ["ALL"]
    runtime = text.rpartition("\nFROM ")[2]
    assert (
        "apt-get" not in runtime
        and "uv " not in runtime
        and "rm -rf /usr/local/lib/python3*/site-packages/pip*" in runtime
    )


@pytest.mark.parametrize("name", [*PROCESSES, "topics"])
def test_pods_run_without_privileges(name: str) -> None:
    objects = LOCAL if name in STAND_IN_NAMES else BASE
    described = objects["Job", name] if name == "topics" else workload(name, objects)
    pod = described["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    (only,) = pod["containers"]
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert only["resources"]["requests"] and only["resources"]["limits"]


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_every_service_has_a_disruption_budget_for_its_pods(name: str) -> None:
    labels = workload(name, BASE)["spec"]["template"]["metadata"]["labels"]
    assert BASE["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert BASE["Service", name]["spec"]["selector"].items() <= labels.items()


def test_the_gateways_log_outlives_its_container() -> None:
    folder = image_settings(PROCESSES["gateway"])["TOLLWAY_WAL_DIRECTORY"]
    assert f"VOLUME {folder}" in dockerfile(PROCESSES["gateway"])
    assert COMPOSE["services"]["gateway"]["volumes"] == [f"gateway-wal:{folder}"]
    (claim,) = BASE["StatefulSet", "gateway"]["spec"]["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container("gateway", BASE)["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == folder


def test_one_list_of_databases() -> None:
    text = COMPOSE["configs"]["databases"]["content"]
    assert set(re.findall(r"CREATE DATABASE (\w+);", text)) == set(DATABASES)
    assert (ROOT / "deploy/k8s/overlays/local/databases.sql").read_text().endswith(text)


@pytest.mark.parametrize("where", ["compose", "k8s"])
def test_each_service_has_its_own_database_and_key(where: str) -> None:
    for process in SERVICES:
        if process.database:
            url = settings_given(process.name, where)["TOLLWAY_DATABASE_URL"]
            assert url == f"postgresql://postgres:tollway-local-only@postgres:5432/{process.database}"
    portal, billing = (settings_given(name, where) for name in ("portal-api", "billing-sync"))
    assert portal["TOLLWAY_ENCRYPTION_KEY"] != billing["TOLLWAY_ENCRYPTION_KEY"]
    assert len(base64.b64decode(billing["TOLLWAY_ENCRYPTION_KEY"], validate=True)) == 32
    private = PrivateKey(base64.b64decode(billing["TOLLWAY_SEALING_PRIVATE_KEY"], validate=True))
    assert base64.b64encode(bytes(private.public_key)).decode() == portal["TOLLWAY_BILLING_SEALING_PUBLIC_KEY"]


def test_env_example_names_every_variable_of_the_compose_file_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text()
    documented = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    compose = (ROOT / "docker-compose.yml").read_text()
    used = re.findall(r"\$\{(\w+):?-([^}]*)\}", compose)
    assert dict(used) == documented
    assert len(set(used)) == len(documented), "one default for each, wherever it stands"
    assert not re.search(r"\$(?!\{\w+:?-)", compose), "a variable without a default"
