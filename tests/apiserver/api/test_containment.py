"""What a stolen token of the operator is kept from, as one whom RBAC allows everything."""

from typing import Any

import pytest

from mlendpoints.api import labels
from tests.apiserver.api.conftest import Tenants
from tests.apiserver.api.objects import a_template, an_instance, controlled, merged
from tests.apiserver.server import Object, Server, address

SAID = "denied request: the mlendpoints operator "
PATHS = {
    "Deployment": "/apis/apps/v1",
    "Job": "/apis/batch/v1",
    "Service": "/api/v1",
    "PersistentVolumeClaim": "/api/v1",
    "PersistentVolume": "/api/v1",
    "Event": "/apis/events.k8s.io/v1",
    "Lease": "/apis/coordination.k8s.io/v1",
}
MERGE = {"Content-Type": "application/merge-patch+json"}
APP = {"app": "titanic"}
CONTAINER = {"name": "model", "image": "model:1", "securityContext": {"allowPrivilegeEscalation": False}}
SAFE = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
POD = {"automountServiceAccountToken": False, "securityContext": SAFE, "containers": [CONTAINER]}
OWN = {labels.MANAGED_BY: labels.MANAGER}
GOOD: dict[str, Object] = {
    "Deployment": {
        "selector": {"matchLabels": APP},
        "template": {"metadata": {"labels": APP}, "spec": POD},
    },
    "Job": {"template": {"spec": POD | {"restartPolicy": "Never"}}},
    "Service": {"selector": OWN, "ports": [{"port": 80}]},
    "PersistentVolumeClaim": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def made(kind: str, namespace: str, spec: Object | None = None, **metadata: Any) -> Object:  # noqa: ANN401
    """An object as the operator makes it, but for ``spec``, which is merged into its own, and ``metadata``."""
    known = controlled() | {"name": "titanic", "namespace": namespace} | metadata
    return {"metadata": known, "spec": merged(GOOD[kind], spec or {})}


def post(user: Server, kind: str, obj: Object) -> str:
    """What is said of it; empty if it was taken. Nothing is kept."""
    answer = user.ask("POST", f"{_folder(kind, obj)}?dryRun=All", body=obj)
    return "" if answer.is_success else str(answer.json()["message"])


def _folder(kind: str, obj: Object) -> str:
    namespace = obj["metadata"].get("namespace")
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{PATHS[kind]}{scope}/{kind.lower()}s"


def _pod(kind: str, **fields: Any) -> Object:  # noqa: ANN401 - any field of a pod
    assert kind in ("Deployment", "Job")
    return {"template": {"spec": fields}}


@pytest.mark.parametrize("kind", GOOD)
def test_the_operator_creates_what_is_its_own(kind: str, operator: Server, namespace: str) -> None:
    assert post(operator, kind, made(kind, namespace)) == ""


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"app.kubernetes.io/managed-by": "Helm"}},
        {"labels": {}},
        {"ownerReferences": []},
        controlled() | {"ownerReferences": [controlled()["ownerReferences"][0] | {"controller": False}]},
        controlled() | {"ownerReferences": [controlled()["ownerReferences"][0] | {"apiVersion": "apps/v1"}]},
        controlled("MachineLearningEndpointConfig"),
    ],
    ids=["other manager", "no label", "no owner", "no controller", "other group", "other kind"],
)
def test_and_nothing_else(kind: str, metadata: Object, operator: Server, namespace: str) -> None:
    assert f"{SAID}writes only objects with its label" in post(operator, kind, made(kind, namespace, **metadata))


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("place", ["kube-system", "kube-public", "istio-system", "istio-ingress", "machine-learning"])
def test_nor_anything_where_the_system_or_itself_runs(kind: str, place: str, operator: Server, server: Server) -> None:
    server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": place}})

    assert f"{SAID}writes nothing in the namespaces of the system" in post(operator, kind, made(kind, place))


def test_in_its_own_namespace_only_its_lease(operator: Server, server: Server) -> None:
    own = "machine-learning"
    server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": own}})

    def lease(name: str, place: str = own) -> str:
        return post(operator, "Lease", {"metadata": {"name": name, "namespace": place}, "spec": {}})

    assert lease("mlendpoints-operator") == ""
    assert SAID in lease("another")
    assert SAID in lease("mlendpoints-operator", "kube-system")


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
@pytest.mark.parametrize(
    "pod",
    [
        {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]},
        {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
        {"volumes": [{"name": "n", "nfs": {"server": "a", "path": "/"}}]},
        {"volumes": [{"name": "c", "csi": {"driver": "a"}}]},
        {"hostNetwork": True},
        {"hostPID": True},
        {"hostIPC": True},
        {"automountServiceAccountToken": True},
        {"automountServiceAccountToken": None},
        {"nodeName": "master"},
        {"securityContext": {"runAsNonRoot": None}},
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        {"containers": [{"securityContext": {"runAsNonRoot": False}}]},
        {"containers": [{"securityContext": {"seccompProfile": {"type": "Unconfined"}}}]},
        {"priorityClassName": "system-node-critical"},
        {"containers": [{"securityContext": {"privileged": True, "allowPrivilegeEscalation": None}}]},
        {"containers": [{"securityContext": {"allowPrivilegeEscalation": True}}]},
        {"containers": [{"securityContext": None}]},
        {"containers": [{"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]},
        {"containers": [{"securityContext": {"windowsOptions": {"runAsUserName": "a"}}}]},
        {"containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}]},
        {"initContainers": [CONTAINER | {"name": "i", "securityContext": {"privileged": True}}]},
    ],
    ids=str,
)
def test_its_pods_get_nothing_of_their_node(kind: str, pod: Object, operator: Server, namespace: str) -> None:
    assert f"{SAID}creates " in post(operator, kind, made(kind, namespace, _pod(kind, **pod)))


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Service", {"type": "NodePort"}),
        ("Service", {"type": "LoadBalancer"}),
        ("Service", {"externalIPs": ["192.0.2.1"]}),
        ("Service", {"selector": {labels.MANAGED_BY: None, "app": "other"}}),
        ("Service", {"selector": None}),
        ("PersistentVolumeClaim", {"volumeName": "somebody-elses"}),
        ("PersistentVolumeClaim", {"dataSource": {"kind": "PersistentVolumeClaim", "name": "other"}}),
    ],
    ids=str,
)
def test_it_reaches_for_nothing_of_others(kind: str, spec: Object, operator: Server, namespace: str) -> None:
    assert SAID in post(operator, kind, made(kind, namespace, spec))


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("kind", GOOD)
def test_it_neither_changes_nor_deletes_what_is_not_its_own(
    method: str, kind: str, operator: Server, server: Server, namespace: str
) -> None:
    others = made(kind, namespace, labels={}, ownerReferences=[])
    server.ask("POST", _folder(kind, others), body=others).raise_for_status()

    patch: Any = {"body": {"metadata": controlled()}, "headers": MERGE} if method == "PATCH" else {}
    answer = operator.ask(method, f"{_folder(kind, others)}/titanic", **patch)

    assert f"{SAID}changes and deletes only what an object of its own kinds controls" in answer.json()["message"]


@pytest.mark.parametrize("kind", GOOD)
def test_it_adopts_what_carries_its_label_and_puts_its_label_back(
    kind: str, operator: Server, server: Server, namespace: str
) -> None:
    for name, change in (("orphan", {"ownerReferences": []}), ("unlabelled", {"labels": {}})):
        obj = made(kind, namespace, name=name, **change)
        server.ask("POST", _folder(kind, obj), body=obj).raise_for_status()
        path = f"{_folder(kind, obj)}/{name}"
        assert operator.ask("PATCH", path, body={"metadata": controlled()}, headers=MERGE).status_code == 200
        assert operator.ask("DELETE", path).status_code in (200, 202)


def test_of_an_endpoint_it_writes_the_finalizers_and_the_status(operator: Server, user: Server, namespace: str) -> None:
    endpoint = a_template("mle", namespace)
    user.create("mle", endpoint).raise_for_status()

    assert operator.merge("mle", endpoint, {"metadata": {"finalizers": [labels.ROUTES_FINALIZER]}}).status_code == 200
    assert operator.merge("mle", endpoint, {"status": {"state": "InService"}}, subresource="status").status_code == 200
    for change in ({"spec": {"config": "other"}}, {"metadata": {"labels": {"a": "b"}}}):
        assert f"{SAID}writes nothing of an endpoint but" in operator.merge("mle", endpoint, change).json()["message"]
    assert SAID in operator.ask("DELETE", address("mle", endpoint)).json()["message"]


@pytest.mark.parametrize("short", ["mlm", "mlec"])
def test_it_writes_no_templates(short: str, operator: Server, user: Server, namespace: str) -> None:
    template = a_template(short, namespace)
    user.create(short, template).raise_for_status()

    answers = [
        operator.create(short, a_template(short, namespace, name="other")),
        operator.merge(short, template, {"metadata": {"labels": {"a": "b"}}}),
        operator.ask("DELETE", address(short, template)),
    ]

    assert all(f"{SAID}writes instances, never templates" in answer.json()["message"] for answer in answers)
    assert operator.create(short, an_instance(short, namespace)).status_code == 201


def a_volume(namespace: str, **change: Any) -> Object:  # noqa: ANN401 - any field
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}
    spec = {
        "storageClassName": "mlendpoints-path",
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": "titanic"},
        "local": {"path": f"/mnt/models/{namespace}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }
    return {"metadata": {"name": f"{namespace}.titanic", "labels": OWN}, "spec": merged(spec, change)}


@pytest.mark.parametrize(
    "change",
    [
        {"hostPath": {"path": "/"}, "local": None},
        {"storageClassName": "other"},
        {"local": {"path": "/etc"}},
        {"local": {"path": "/mnt/models/another"}},
        {"claimRef": {"namespace": "kube-system"}},
        {"claimRef": {"name": "other"}},
    ],
    ids=str,
)
def test_its_volumes_are_directories_of_their_claims_namespace(
    change: Object, operator: Server, namespace: str
) -> None:
    assert post(operator, "PersistentVolume", a_volume(namespace)) == ""
    assert SAID in post(operator, "PersistentVolume", a_volume(namespace, **change))


def test_it_reports_events_about_its_own_kinds_only(operator: Server, namespace: str) -> None:
    def event(api_version: str, place: str = namespace) -> str:
        return post(
            operator,
            "Event",
            {
                "metadata": {"name": "titanic.1", "namespace": place},
                "type": "Normal",
                "reason": "Tested",
                "action": "Test",
                "eventTime": "2026-01-01T00:00:00.000000Z",
                "reportingController": "mlendpoints.dev/operator",
                "reportingInstance": "test",
                "regarding": {"apiVersion": api_version, "kind": "X", "name": "titanic", "namespace": place},
            },
        )

    assert event("mlendpoints.dev/v1alpha1") == ""
    assert SAID in event("v1")
    assert SAID in event("mlendpoints.dev/v1alpha1", "kube-system")


def test_nobody_else_is_held_to_any_of_this(user: Server, tenants: Tenants, namespace: str) -> None:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create"]}
    other = made("Deployment", namespace, _pod("Deployment", hostNetwork=True), labels={}, ownerReferences=[])

    assert (post(user, "Deployment", other), post(tenants(rule), "Deployment", other)) == ("", "")
