"""Somebody else's edit of a field of ours is seen without its value, and one apply takes it back."""

import json
from typing import Any

import pytest

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import covers
from mlendpoints.core.world import Child
from mlendpoints.edge.observe.projections import decode
from tests.apiserver.manifests.objects import MERGE, STRATEGIC, Objects, differences, our_fields
from tests.apiserver.manifests.test_stored import manifest_of

NAMES = {
    "Deployment": "titanic-rfc-blue0000",
    "Service": "titanic-rfc-blue0000",
    "DestinationRule": "titanic-rfc-blue0000",
    "VirtualService": "titanic",
    "Gateway": "titanic",
    "NetworkPolicy": "everything-models",
    "PodMonitor": "everything-metrics",
}
CASES = {"NetworkPolicy": "everything", "PodMonitor": "everything"}  # the golden case that has one


def nginx(**fields: Any) -> Manifest:  # noqa: ANN401 - any field of a container
    return {"spec": {"template": {"spec": {"containers": [{"name": "nginx"} | fields]}}}}


def model(**fields: Any) -> Manifest:  # noqa: ANN401 - any field of a container
    return {"spec": {"template": {"spec": {"containers": [{"name": "model"} | fields]}}}}


def pod(**fields: Any) -> Manifest:  # noqa: ANN401 - any field of a pod
    return {"spec": {"template": {"spec": fields}}}


EDITS: dict[str, tuple[str, Manifest]] = {
    "an image": ("Deployment", nginx(image="somebody/nginx:1")),
    "the model's arguments": ("Deployment", model(args=["train"])),
    "a variable": ("Deployment", nginx(env=[{"name": "VARIANT", "value": "red"}])),
    "a variable taken out": ("Deployment", nginx(env=[{"name": "VARIANT", "$patch": "delete"}])),
    "a limit": ("Deployment", model(resources={"limits": {"memory": "2Gi"}})),
    "a probe's path": ("Deployment", nginx(readinessProbe={"httpGet": {"path": "/"}})),
    "a probe taken out": ("Deployment", model(livenessProbe=None)),
    "the time to drain": (
        "Deployment",
        nginx(lifecycle={"preStop": {"httpGet": {"path": "/drain?seconds=1", "port": 9090}}}),
    ),
    "a capability": ("Deployment", nginx(securityContext={"capabilities": {"drop": []}})),
    "the room for the artifact": ("Deployment", pod(volumes=[{"name": "artifact", "emptyDir": {"sizeLimit": "9Gi"}}])),
    "a mount that may be written to": (
        "Deployment",
        model(volumeMounts=[{"mountPath": "/opt/ml/model", "readOnly": False}]),
    ),
    "the grace": ("Deployment", pod(terminationGracePeriodSeconds=20)),
    "the surge": ("Deployment", {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}}),
    "a label of the pods": (
        "Deployment",
        {"spec": {"template": {"metadata": {"labels": {"mlendpoints.dev/variant": "red"}}}}},
    ),
    "our hash": ("Deployment", {"metadata": {"annotations": {"mlendpoints.dev/manifest-hash": None}}}),
    "what a Service selects": ("Service", {"spec": {"selector": {"app": "other"}}}),
    "where a Service leads": ("Service", {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}),
    "a Service's type": ("Service", {"spec": {"type": "NodePort"}}),
    "a label": ("Service", {"metadata": {"labels": {"app": "other"}}}),
    "the routes": ("VirtualService", {"spec": {"http": [{"directResponse": {"status": 418}}]}}),
    "the hosts": ("VirtualService", {"spec": {"hosts": ["other.example.com"]}}),
    "the gateway's host": ("Gateway", {"spec": {"servers": []}}),
    "the gateway's pods": ("Gateway", {"spec": {"selector": {"istio": "other"}}}),
    "the balancing": ("DestinationRule", {"spec": {"trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}}),
    "who gets in": ("NetworkPolicy", {"spec": {"ingress": [{}]}}),
    "what is closed": ("NetworkPolicy", {"spec": {"podSelector": {"matchLabels": {"mlendpoints.dev/endpoint": "b"}}}}),
    "what is closed also": ("NetworkPolicy", {"spec": {"policyTypes": ["Ingress", "Egress"]}}),
    "which pods are scraped": (
        "PodMonitor",
        {"spec": {"selector": {"matchLabels": {"mlendpoints.dev/endpoint": "b"}}}},
    ),
    "how often pods are scraped": ("PodMonitor", {"spec": {"podMetricsEndpoints": [{"port": "metrics"}]}}),
    "the label that selects a PodMonitor": ("PodMonitor", {"metadata": {"labels": {"release": None}}}),
    "the idle time": ("DestinationRule", {"spec": {"trafficPolicy": {"connectionPool": None}}}),
}


def content_type(kind: str) -> str:
    """Kubernetes' own kinds merge lists by key; custom ones only replace them."""
    return STRATEGIC if kind in ("Deployment", "Service") else MERGE


def manifest_for(kind: str, namespace: str) -> Manifest:
    """The golden one of its kind."""
    return manifest_of((CASES.get(kind, "titanic"), kind, NAMES[kind]), namespace)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("applied", [False, True], ids=["created", "applied"])
def test_an_edit_is_seen(objects: Objects, edit: str, *, applied: bool) -> None:
    kind, patch = EDITS[edit]
    manifest = manifest_for(kind, objects.namespace)
    objects.create(manifest)
    if applied:
        objects.apply(manifest)
    edited = objects.edit(manifest, patch, content_type(kind))
    assert not covers(our_fields(edited), manifest)


@pytest.mark.parametrize("edit", EDITS)
def test_one_apply_takes_an_edit_back(objects: Objects, edit: str) -> None:
    kind, patch = EDITS[edit]
    manifest = manifest_for(kind, objects.namespace)
    objects.create(manifest)
    objects.edit(manifest, patch, content_type(kind))
    fixed = objects.apply(manifest)
    assert differences(manifest, fixed) == []
    assert covers(our_fields(fixed), manifest)


def test_what_others_add_beside_ours_is_theirs(objects: Objects) -> None:
    manifest = manifest_of(("titanic", "Deployment", NAMES["Deployment"]), objects.namespace)
    objects.create(manifest)
    edited = objects.edit(manifest, {"metadata": {"annotations": {"team": "purser"}, "labels": {"team": "purser"}}})
    assert covers(our_fields(edited), manifest)


def test_scaling_by_others_is_no_difference_of_fields(objects: Objects) -> None:
    manifest = manifest_of(("titanic", "Deployment", NAMES["Deployment"]), objects.namespace)
    objects.create(manifest)
    assert covers(our_fields(objects.edit(manifest, {"spec": {"replicas": 7}})), manifest)


ADDITIONS: dict[str, tuple[Manifest, str]] = {
    "a variable": (model(env=[{"name": "DEBUG", "value": "1"}]), "spec.containers[model].env[DEBUG]"),
    "a container": (
        pod(containers=[{"name": "shell", "image": "busybox"}]),
        "spec.containers[shell]",
    ),
    "a priority": (pod(priorityClassName="system-node-critical"), "spec.priorityClassName"),
    "a label of the pods": (
        {"spec": {"template": {"metadata": {"labels": {"team": "purser"}}}}},
        "metadata.labels.team",
    ),
}


@pytest.mark.parametrize("addition", ADDITIONS)
def test_what_others_add_to_the_pods_is_told_with_who_added_it(objects: Objects, addition: str) -> None:
    patch, path = ADDITIONS[addition]
    manifest = manifest_of(("titanic", "Deployment", NAMES["Deployment"]), objects.namespace)
    objects.create(manifest)
    edited = objects.edit(manifest, patch, STRATEGIC)
    assert added(edited) == f"somebody: {path}"
    assert added(objects.apply(manifest)) == f"somebody: {path}"


def test_a_restart_by_kubectl_and_edits_beside_the_pods_add_nothing_to_them(objects: Objects) -> None:
    manifest = manifest_of(("titanic", "Deployment", NAMES["Deployment"]), objects.namespace)
    assert added(objects.create(manifest)) == ""
    restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}
    objects.edit(manifest, {"spec": {"template": restarted}}, STRATEGIC)
    edited = objects.edit(manifest, {"metadata": {"labels": {"team": "purser"}}, "spec": {"replicas": 7}})
    assert added(edited) == ""


def test_a_deployment_that_somebody_wrote_back_whole_has_no_additions(objects: Objects) -> None:
    """As a backup does, with all that the API server has filled in."""
    manifest = manifest_of(("titanic", "Deployment", NAMES["Deployment"]), objects.namespace)
    spec = objects.create(manifest)["spec"]
    objects.edit(manifest, {"metadata": {"managedFields": [{}]}})
    assert added(objects.edit(manifest, {"spec": spec})) == "" == added(objects.apply(manifest))


def added(stored: Manifest) -> str:
    facts = decode("Deployment", json.dumps(stored).encode()).facts
    assert isinstance(facts, Child)
    return facts.additions
