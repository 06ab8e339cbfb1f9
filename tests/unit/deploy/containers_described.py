"""What the Dockerfiles, docker-compose.yml and deploy/k8s say a process gets, read without an engine or a cluster."""

import re
from pathlib import Path
from typing import Any

import yaml

from local_stack.ports import Ports
from local_stack.processes import SERVICES, STAND_INS, ProcessDefinition, StackContext
from local_stack.state import Secrets, StateFolder

ROOT = Path(__file__).resolve().parents[3]
K8S = ROOT / "deploy/k8s"
PROCESSES = {process.name: process for process in (*SERVICES, *STAND_INS)}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
STACK = StackContext(
    ports=Ports(),
    secrets=Secrets.generate(),
    state=StateFolder(Path("state")),
    kafka_bootstrap="127.0.0.1:19092",
    postgres_url="postgresql://postgres@127.0.0.1:15432/postgres",
)


def folder_of(process: ProcessDefinition) -> str:
    """Where its Dockerfile lies."""
    if process in STAND_INS:
        return f"sandbox/{process.module.removeprefix('sandbox_')}"
    return f"services/{process.name}"


def dockerfile(process: ProcessDefinition) -> str:
    return (ROOT / folder_of(process) / "Dockerfile").read_text()


def image_settings(process: ProcessDefinition) -> dict[str, str]:
    """The TOLLWAY_ variables that its image sets."""
    return dict(re.findall(r"(?<=[ ])(TOLLWAY_\w+)=(\S+)", dockerfile(process)))


def interpolated(value: object) -> str:
    """A compose value as it is without a .env file."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", str(value))


def compose_settings(process: ProcessDefinition) -> dict[str, str]:
    given = COMPOSE["services"][process.name].get("environment", {})
    return {name: interpolated(value) for name, value in given.items()}


def manifests(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Every object below a folder by kind and name, patches and kustomizations left out."""
    found = {}
    for path in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] != "Kustomization":
                found[document["kind"], document["metadata"]["name"]] = document
    return found


BASE = manifests(K8S / "base")
LOCAL = manifests(K8S / "overlays/local")


def workload(name: str, objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """The Deployment or StatefulSet of that name."""
    (found,) = [objects[kind, name] for kind in ("Deployment", "StatefulSet") if (kind, name) in objects]
    return found


def container(name: str, objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    (only,) = workload(name, objects)["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def _data(kind: str, name: str) -> dict[str, str]:
    """A ConfigMap with the local values over the base's; a Secret as the local cluster has it."""
    layers = [objects.get((kind, name), {}) for objects in (BASE, LOCAL)]
    return {
        key: value for layer in layers for key, value in (layer.get("data") or layer.get("stringData") or {}).items()
    }


def k8s_settings(process: ProcessDefinition) -> dict[str, str]:
    """The variables of its container in the local cluster; a reference to nothing is a KeyError."""
    described = container(process.name, BASE)
    result: dict[str, str] = {}
    for source in described.get("envFrom", []):
        result |= _data("ConfigMap", source["configMapRef"]["name"])
    for variable in described.get("env", []):
        origin = variable.get("valueFrom", {})
        if (key := origin.get("configMapKeyRef")) is not None:
            result[variable["name"]] = _data("ConfigMap", key["name"])[key["key"]]
        elif (key := origin.get("secretKeyRef")) is not None:
            result[variable["name"]] = _data("Secret", key["name"])[key["key"]]
        elif "value" in variable:
            result[variable["name"]] = variable["value"]
        else:
            result[variable["name"]] = f"<{origin['fieldRef']['fieldPath']}>"
    return result
