"""deploy/k8s as a cluster would see it: what kustomize builds, read with the eyes of whoever is called at night."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from tests.architecture.source_tree import ROOT, SERVICES, STATEFUL
from yamllint import linter
from yamllint.config import YamlLintConfig

K8S = ROOT / "deploy/k8s"
OVERLAYS = ("base", "overlays/local", "overlays/production", "overlays/production-http2")
YAML_RULES = "{extends: default, rules: {line-length: {max: 160}, document-start: disable}}"
NO_KUBECTL = "kubectl is not on the PATH: it builds the overlays (`kubectl kustomize`)"
# How long a pod needs to end by itself: settings of the gateway and the operations server.
LONGEST_DRAIN_SECONDS = 20

Object = dict[str, Any]


@cache
def built(overlay: str) -> tuple[Object, ...]:
    if shutil.which("kubectl") is None:
        pytest.skip(NO_KUBECTL)
    command = ["kubectl", "kustomize", str(K8S / overlay)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    assert not answer.stderr, "a warning of kustomize, such as a deprecated field"
    return tuple(yaml.safe_load_all(answer.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    return [one for one in built(overlay) if one["kind"] in kinds]


def name_of(one: Object) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def workloads(overlay: str) -> list[Object]:
    return of_kind(overlay, "Deployment", "StatefulSet", "Job")


def pod_of(workload: Object) -> Object:
    pod: Object = workload["spec"]["template"]["spec"]
    return pod


def labels_of(workload: Object) -> dict[str, str]:
    labels: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return labels


def containers(overlay: str) -> Iterator[tuple[Object, Object]]:
    for workload in workloads(overlay):
        pod = pod_of(workload)
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            yield workload, container


def selected(overlay: str, selector: dict[str, str]) -> list[Object]:
    return [one for one in workloads(overlay) if selector.items() <= labels_of(one).items()]


def test_yaml_is_well_formed_and_says_nothing_twice() -> None:
    config = YamlLintConfig(YAML_RULES)
    found = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in sorted(K8S.rglob("*.yaml"))
        for problem in linter.run(path.read_text(), config)
    ]
    assert not found


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_all_its_objects(service: str) -> None:
    present = {name_of(one) for one in built("base")}
    workload = "StatefulSet" if service == "gateway" else "Deployment"
    wanted = {f"{kind} {service}" for kind in (workload, "Service", "PodDisruptionBudget", "NetworkPolicy")}
    wanted.add(f"ServiceAccount {service}")
    if service in STATEFUL:
        wanted.add(f"Job {service}-migrate")
    assert wanted <= present


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_lies_in_one_namespace_that_admits_restricted_pods_only(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [one for one in built(overlay) if one is not namespace]
    assert {one["metadata"].get("namespace") for one in others} == {namespace["metadata"]["name"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_restricted(overlay: str) -> None:
    """The restricted Pod Security Standard, and a read-only root wherever the image is ours."""
    for workload, container in containers(overlay):
        pod, where = pod_of(workload), f"{name_of(workload)}, {container['name']}"
        assert pod["securityContext"]["runAsNonRoot"] is True, where
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False, where
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), where
        assert not [volume for volume in pod.get("volumes", []) if "hostPath" in volume], where
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["capabilities"] == {"drop": ["ALL"]}, where
        if "tollway/" in container["image"]:
            assert own["readOnlyRootFilesystem"] is True, where
            assert pod["securityContext"]["runAsUser"] == 10001, where


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_resources_are_bounded(overlay: str) -> None:
    for workload, container in containers(overlay):
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert {"cpu", "memory"} <= set(requests) and "memory" in limits, name_of(workload)
        if "tollway/" in container["image"]:
            temporary = [volume["emptyDir"] for volume in pod_of(workload)["volumes"] if "emptyDir" in volume]
            assert all(folder.get("sizeLimit") for folder in temporary), name_of(workload)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_long_running_pods_are_probed_on_ports_they_have(overlay: str) -> None:
    for workload, container in containers(overlay):
        if workload["kind"] == "Job":
            assert workload["spec"]["activeDeadlineSeconds"] and workload["spec"]["ttlSecondsAfterFinished"]
            continue
        names = {port["name"] for port in container["ports"]}
        for probe in ("readinessProbe", "livenessProbe"):
            check = container[probe]
            port = (check.get("httpGet") or check.get("tcpSocket") or {}).get("port")
            assert port is None or port in names, f"{name_of(workload)}: {probe}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_ends_only_after_traffic_went_elsewhere_and_its_work_is_done(service: str) -> None:
    (workload,) = [one for one in workloads("base") if one["metadata"]["name"] == service]
    pod = pod_of(workload)
    (container,) = pod["containers"]
    pause = 0
    if "http" in {port["name"] for port in container["ports"]}:
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pause >= 5, "endpoints need a moment to forget the pod"
    given = {one["name"]: one.get("value", "") for one in container.get("env", [])}
    notice = int(given.get("TOLLWAY_DRAIN_NOTICE_SECONDS", "0"))
    assert pod["terminationGracePeriodSeconds"] >= pause + notice + LONGEST_DRAIN_SECONDS


@pytest.mark.parametrize("overlay", ["overlays/production", "overlays/production-http2"])
def test_the_gateway_has_a_core_for_each_worker(overlay: str) -> None:
    (gateway,) = [one for one in workloads(overlay) if one["metadata"]["name"] == "gateway"]
    (container,) = pod_of(gateway)["containers"]
    given = {one["name"]: one.get("value", "") for one in container["env"]}
    assert int(container["resources"]["requests"]["cpu"]) >= int(given["TOLLWAY_GATEWAY_WORKERS"])


def test_http2_callers_reach_the_front_proxy_and_nothing_else() -> None:
    overlay = "overlays/production-http2"
    (gateway,) = [one for one in workloads(overlay) if one["metadata"]["name"] == "gateway"]
    (container,) = pod_of(gateway)["containers"]
    given = {one["name"]: one.get("value", "") for one in container["env"]}
    assert (given["TOLLWAY_HOST"], given["TOLLWAY_TRUSTED_PROXIES"]) == ("127.0.0.1", "127.0.0.1/32")
    (callers,) = [one for one in of_kind(overlay, "Service") if one["spec"].get("type") == "LoadBalancer"]
    assert [port["targetPort"] for port in callers["spec"]["ports"]] == ["https"]
    inward = policies_for(overlay, gateway, "ingress")
    assert lets_through(inward, 8443)
    assert not lets_through(inward, 8080)
    (ingress,) = of_kind(overlay, "Ingress")
    backends = [
        path["backend"]["service"]["name"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]
    ]
    assert backends == ["portal-api", "billing-sync"]


@pytest.mark.parametrize("overlay", ["overlays/local"])
def test_references_lead_somewhere(overlay: str) -> None:
    """The local overlay is complete; another one's secrets are the cluster's own."""
    objects = built(overlay)
    keys = {name_of(one): {**one.get("data", {}), **one.get("stringData", {})} for one in objects}
    for workload, container in containers(overlay):
        for source in container.get("envFrom", []):
            assert f"ConfigMap {source['configMapRef']['name']}" in keys
        for variable in container.get("env", []):
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if (reference := variable.get("valueFrom", {}).get(field)) is not None:
                    assert reference["key"] in keys[f"{kind} {reference['name']}"], name_of(workload)
        for volume in pod_of(workload).get("volumes", []):
            if "configMap" in volume:
                assert f"ConfigMap {volume['configMap']['name']}" in keys
        mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
        claims = [claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])]
        assert mounted == {*claims, *(volume["name"] for volume in pod_of(workload).get("volumes", []))}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_point_at_objects_that_exist(overlay: str) -> None:
    accounts = {one["metadata"]["name"] for one in of_kind(overlay, "ServiceAccount")}
    services = {one["metadata"]["name"]: one for one in of_kind(overlay, "Service")}
    for workload in workloads(overlay):
        assert pod_of(workload).get("serviceAccountName", "default") in {*accounts, "default"}
        if workload["kind"] == "StatefulSet":
            assert workload["spec"]["serviceName"] in services
    for service in services.values():
        (behind,) = selected(overlay, service["spec"]["selector"])
        ports = {
            key
            for container in [*pod_of(behind).get("initContainers", []), *pod_of(behind)["containers"]]
            for port in container["ports"]
            for key in (port["name"], port["containerPort"])
        }
        assert all(port.get("targetPort", port["port"]) in ports for port in service["spec"]["ports"])
    for budget in of_kind(overlay, "PodDisruptionBudget"):
        assert len(selected(overlay, budget["spec"]["selector"]["matchLabels"])) == 1
    for scaler in of_kind(overlay, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        (scaled,) = [one for one in built(overlay) if name_of(one) == f"{target['kind']} {target['name']}"]
        assert "replicas" not in scaled["spec"], "each apply would undo the autoscaler"
    for ingress in of_kind(overlay, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = {port["name"] for port in services[backend["name"]]["spec"]["ports"]}
                assert backend["port"]["name"] in ports - {"operations"}


def policies_for(overlay: str, workload: Object, direction: str) -> list[Object]:
    """Rules of every policy that selects the pod."""
    rules = []
    for policy in of_kind(overlay, "NetworkPolicy"):
        selector = policy["spec"]["podSelector"].get("matchLabels", {})
        if selector.items() <= labels_of(workload).items():
            rules += policy["spec"].get(direction, [])
    return rules


def lets_through(rules: list[Object], port: int) -> bool:
    return any(
        one["port"] <= port <= one.get("endPort", one["port"])
        for rule in rules
        for one in rule.get("ports", [])
        if one.get("protocol", "TCP") == "TCP"
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_network_is_closed_but_for_what_each_pod_needs(overlay: str) -> None:
    (denied,) = [one for one in of_kind(overlay, "NetworkPolicy") if one["metadata"]["name"] == "default-deny"]
    assert denied["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for workload in workloads(overlay):
        outward, name = policies_for(overlay, workload, "egress"), workload["metadata"]["name"]
        variables = {one["name"] for one in pod_of(workload)["containers"][0].get("env", [])}
        sources = [one["configMapRef"]["name"] for one in pod_of(workload)["containers"][0].get("envFrom", [])]
        assert lets_through(outward, 53), f"{name} cannot resolve a name"
        if "tollway-bus" in sources:
            assert lets_through(outward, 9092), f"{name} does not reach Kafka"
        if "TOLLWAY_DATABASE_URL" in variables:
            assert lets_through(outward, 5432), f"{name} does not reach PostgreSQL"
        if workload["kind"] != "Job":
            inward = policies_for(overlay, workload, "ingress")
            for port in pod_of(workload)["containers"][0]["ports"]:
                # kubectl port-forward comes from the node.
                assert port["name"] == "machine" or lets_through(inward, port["containerPort"]), f"{name}: {port}"


def test_billing_sync_reaches_stripe_and_the_gateway_any_upstream() -> None:
    by_name = {one["metadata"]["name"]: one for one in workloads("overlays/production")}
    assert lets_through(policies_for("overlays/production", by_name["billing-sync"], "egress"), 443)
    assert lets_through(policies_for("overlays/production", by_name["gateway"], "egress"), 8443)
    for closed in ("metering", "subscriptions"):
        assert not lets_through(policies_for("overlays/production", by_name[closed], "egress"), 443)
    for policy in of_kind("overlays/production", "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            for block in (peer["ipBlock"] for peer in rule.get("to", []) if "ipBlock" in peer):
                assert block["except"], "the cloud's metadata service hands out credentials"


def test_calls_outlive_a_rolling_restart_of_the_gateway() -> None:
    (gateway,) = [one for one in workloads("overlays/production") if one["metadata"]["name"] == "gateway"]
    assert gateway["kind"] == "StatefulSet"
    assert gateway["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    (scaler,) = of_kind("overlays/production", "HorizontalPodAutoscaler")
    assert scaler["spec"]["minReplicas"] >= 2, "a rolling restart would stop calls"


def test_production_runs_no_sandbox_and_holds_no_secret() -> None:
    bus, settings = (
        next(one["data"] for one in of_kind("overlays/production", "ConfigMap") if one["metadata"]["name"] == name)
        for name in ("tollway-bus", "tollway-settings")
    )
    assert bus["TOLLWAY_SANDBOX"] == "false" and settings["stripe_api_base"] == ""
    assert settings["allowed_private_addresses"] == ""
    assert not of_kind("overlays/production", "Secret")
    assert not [one for _, one in containers("overlays/production") if one["image"].endswith(":dev")]
