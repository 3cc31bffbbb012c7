import sys

import msgspec
import pytest

from mlendpoints.api import labels
from mlendpoints.core.world import Child, ContainerFacts, JobFacts, PodFacts
from mlendpoints.edge.observe.projections import Instance, Route, Volume
from tests.edge.objects import Object, a_model_instance, a_pod, an_endpoint, an_entry, an_object


def pod_facts(status: Object) -> PodFacts:
    facts = an_entry("Pod", a_pod("p", status=status)).facts
    assert isinstance(facts, PodFacts)
    return facts


def child(kind: str, obj: Object) -> Child:
    facts = an_entry(kind, obj).facts
    assert isinstance(facts, Child)
    return facts


def condition(type_: str, status: str, **more: str) -> Object:
    return {"type": type_, "status": status, "lastTransitionTime": "1970-01-01T00:01:00Z", **more}


def test_a_ready_pod() -> None:
    facts = pod_facts({"conditions": [condition("Ready", "True")]})
    assert facts == PodFacts(name="p", instance="rfc-1", ready=True)


def test_a_pod_has_its_address_once_it_is_assigned() -> None:
    assert pod_facts({"podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}, {"ip": "fd00::7"}]}).address == "10.0.0.7"
    assert pod_facts({"phase": "Pending"}).address == ""


def test_a_pod_tells_since_when_it_is_not_ready() -> None:
    assert pod_facts({"conditions": [condition("Ready", "False")]}).not_ready_since == 60.0


def test_a_pod_that_finds_no_node_says_why() -> None:
    unschedulable = condition("PodScheduled", "False", reason="Unschedulable", message="0/1 nodes: no GPU")
    assert pod_facts({"conditions": [unschedulable]}).unschedulable == "0/1 nodes: no GPU"


def test_a_crash_loop_keeps_the_last_termination() -> None:
    status = {
        "name": "model",
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such file"}},
    }
    expected = ContainerFacts(
        name="model",
        restarts=3,
        waiting_reason="CrashLoopBackOff",
        waiting_message="back-off 40s",
        exit_code=1,
        exit_reason="Error",
        termination_message="no such file",
    )
    assert pod_facts({"containerStatuses": [status]}).containers == (expected,)


def test_the_current_termination_comes_before_the_last() -> None:
    status = {
        "name": "model-init",
        "state": {"terminated": {"exitCode": 2, "reason": "Error", "message": "now"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "then"}},
    }
    assert pod_facts({"initContainerStatuses": [status]}).containers[0].termination_message == "now"


VOLUMES = (
    {"name": "artifact", "ephemeral": {"volumeClaimTemplate": {}}},
    {"name": "credentials", "secret": {"secretName": "reader"}},
    {"name": "source", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}},
    {"name": "authorities", "configMap": {"name": "ca"}},
    {"name": "tmp", "emptyDir": {}},
)
WAITS = {"name": "model-init", "state": {"waiting": {"reason": "PodInitializing"}}}
RUNS = {"name": "model-init", "state": {"running": {}}}


@pytest.mark.parametrize(
    ("container", "placed", "started", "waits"),
    [
        (WAITS, "True", "False", True),
        (WAITS, "True", "True", False),
        (WAITS, "False", "False", False),
        (RUNS, "True", "False", False),
    ],
)
def test_a_pod_that_cannot_start_on_its_node_tells_what_it_needs_there(
    container: Object, placed: str, started: str, *, waits: bool
) -> None:
    conditions = [condition("PodScheduled", placed), condition("PodReadyToStartContainers", started)]
    status = {"conditions": conditions, "initContainerStatuses": [container]}
    facts = an_entry("Pod", a_pod("p", status=status, volumes=VOLUMES)).facts

    assert isinstance(facts, PodFacts)
    claims = ("PersistentVolumeClaim p-artifact", "Secret reader", "PersistentVolumeClaim models", "ConfigMap ca")
    assert facts.pending_mounts == (claims if waits else ())


def test_init_containers_come_first() -> None:
    status = {"containerStatuses": [{"name": "model"}], "initContainerStatuses": [{"name": "model-init"}]}
    assert [container.name for container in pod_facts(status).containers] == ["model-init", "model"]


def test_long_last_words_keep_their_end() -> None:
    words = "x" * 5000 + "MemoryError"
    status = {"name": "model", "state": {"terminated": {"exitCode": 1, "message": words}}}
    last = pod_facts({"containerStatuses": [status]}).containers[0].termination_message
    assert len(last) == 4096
    assert last.endswith("MemoryError")


@pytest.mark.parametrize(
    ("status", "current", "ready", "newest"),
    [
        ({}, False, 0, 0),
        ({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}, False, 2, 2),
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 1}, True, 1, 1),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2}, False, 2, 0),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "readyReplicas": 3}, False, 3, 2),
        ({"observedGeneration": 2}, True, 0, 0),
    ],
)
def test_ready_pods_are_counted_and_those_of_the_newest_template_apart(
    status: Object,
    current: bool,  # noqa: FBT001
    ready: int,
    newest: int,
) -> None:
    found = child("Deployment", an_object("d", metadata={"generation": 2}, spec={"replicas": 2}, status=status))
    assert (found.current, found.ready_replicas, found.newest_ready, found.replicas) == (current, ready, newest, 2)


def test_a_deployment_tells_why_it_cannot_make_pods() -> None:
    conditions = [condition("ReplicaFailure", "True", message="exceeded quota"), condition("Available", "False")]
    assert child("Deployment", an_object("d", spec={}, status={"conditions": conditions})).failure == "exceeded quota"


def managed(manager: str, fields: Object, **more: str) -> Object:
    return {"manager": manager, "operation": "Apply", "time": "1970-01-01T00:02:00Z", "fieldsV1": fields, **more}


def test_only_our_own_entries_are_kept_and_no_owner_references() -> None:
    entries = [
        managed("mlendpoints", {"f:metadata": {"f:labels": {}, "f:ownerReferences": {"k:1": {}}}}),
        managed("mlendpoints", {"f:spec": {"f:replicas": {}}}),
        managed("mlendpoints", {"f:status": {}}, subresource="status"),
        managed("kubectl", {"f:spec": {"f:type": {}}}),
    ]
    found = child("Service", an_object("s", metadata={"managedFields": entries}))
    assert found.fields == '[{"f:metadata":{"f:labels":{}}},{"f:spec":{"f:replicas":{}}}]'
    assert found.written == 120.0


def test_objects_of_one_shape_share_their_field_sets() -> None:
    first, second = (
        child("Service", an_object(name, metadata={"managedFields": [managed("mlendpoints", {"f:spec": {}})]}))
        for name in ("a", "b")
    )
    assert first.fields is second.fields
    assert first.ref.namespace is sys.intern("titanic")


def test_an_instance_is_a_typed_object_and_a_child() -> None:
    facts = an_entry("MachineLearningModel", a_model_instance(replicas=3)).facts
    assert isinstance(facts, Instance)
    assert (facts.child.controller, facts.child.replicas) == ("uid-ep", 3)


def test_a_template_keeps_no_annotations() -> None:
    obj = an_endpoint(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}" * 1000})
    assert len(msgspec.json.encode(an_entry("MachineLearningEndpoint", obj).facts)) < 300


def route_of(kind: str, obj: Object) -> Route:
    facts = an_entry(kind, obj).facts
    assert isinstance(facts, Route)
    return facts


def test_a_route_is_a_child_by_its_label_or_by_its_owner() -> None:
    spec = {"hosts": ["a.example.com"], "http": []}
    owner = {"apiVersion": "v1", "kind": "MachineLearningEndpoint", "name": "ep", "uid": "uid-ep", "controller": True}
    owned = an_object("ep", metadata={"labels": {}, "ownerReferences": [owner]}, spec=spec)
    child = route_of("VirtualService", owned).child
    assert child is not None
    assert child.controller == "uid-ep"
    assert route_of("VirtualService", an_object("ours", spec=spec)).child is not None
    assert route_of("VirtualService", an_object("theirs", metadata={"labels": {}}, spec=spec)).child is None


def test_a_virtual_service_names_its_gateways_in_three_ways_and_the_mesh() -> None:
    names = ["near", "./beside", "far/away", "old.other.svc.cluster.local", "older.other", "mesh", "near"]
    obj = an_object("vs", spec={"hosts": ["B.example.com", "a.example.com", "*"], "gateways": names, "http": []})
    route = route_of("VirtualService", obj)
    assert route.hosts == ("a.example.com", "b.example.com")
    assert [(gateway.namespace, gateway.name) for gateway in route.gateways] == [
        ("far", "away"),
        ("other", "old"),
        ("other", "older"),
        ("titanic", "beside"),
        ("titanic", "near"),
    ]


def test_a_virtual_service_that_names_no_gateway_is_bound_to_none() -> None:
    assert route_of("VirtualService", an_object("vs", spec={"hosts": ["a.example.com"]})).gateways == ()


def test_a_gateways_hosts_are_read_without_their_namespace() -> None:
    servers = [{"hosts": ["./a.example.com", "prod/*.example.com"]}, {"hosts": ["*", "a.example.com"]}]
    route = route_of("Gateway", an_object("gw", spec={"servers": servers, "selector": {"istio": "x", "app": "y"}}))
    assert route.hosts == ("*.example.com", "a.example.com")
    assert route.selector == (("app", "y"), ("istio", "x"))


def test_a_volume_belongs_to_the_instance_of_its_label_and_claim() -> None:
    spec = {"claimRef": {"namespace": "titanic", "name": "rfc-1"}}
    obj = an_object("pv", label={labels.INSTANCE: "rfc-1"}, metadata={"namespace": ""}, spec=spec)
    facts = an_entry("PersistentVolume", obj).facts
    assert isinstance(facts, Volume)
    assert (facts.namespace, facts.instance, facts.child.ref.namespace) == ("titanic", "rfc-1", "")


@pytest.mark.parametrize(("phase", "released"), [("Available", False), ("Bound", False), ("Released", True)])
def test_a_volume_whose_claim_is_gone_is_released(*, phase: str, released: bool) -> None:
    facts = an_entry("PersistentVolume", an_object("pv", metadata={"namespace": ""}, status={"phase": phase})).facts
    assert isinstance(facts, Volume)
    assert facts.child.released is released


def test_what_breaks_the_schema_is_no_entry() -> None:
    with pytest.raises(msgspec.ValidationError):
        an_entry("MachineLearningEndpoint", an_object("ep", spec={"config": 1}))


def test_a_child_and_a_pod_tell_their_version() -> None:
    label = {labels.MODEL_VERSION: "3f9c2ab1"}
    facts = an_entry("Pod", an_object("p", label=label)).facts

    assert child("Job", an_object("j", label=label)).version == "3f9c2ab1"
    assert isinstance(facts, PodFacts)
    assert facts.version == "3f9c2ab1"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], JobFacts()),
        ([condition("SuccessCriteriaMet", "True")], JobFacts()),
        ([condition("Complete", "True")], JobFacts(succeeded=True)),
        ([condition("Failed", "False")], JobFacts()),
        (
            [condition("Failed", "True", reason="DeadlineExceeded", message="too long")],
            JobFacts(failure="too long", failure_reason="DeadlineExceeded", failed_at=60.0),
        ),
    ],
)
def test_a_job_tells_how_it_ended(conditions: list[Object], expected: JobFacts) -> None:
    assert child("Job", an_object("j", status={"conditions": conditions})).job == expected


def test_a_claim_tells_whether_it_has_a_volume() -> None:
    phases = [child("PersistentVolumeClaim", an_object("c", status={"phase": p})).bound for p in ("Pending", "Bound")]
    assert phases == [False, True]


def test_a_deployment_tells_that_it_has_stopped_getting_on() -> None:
    late = condition("Progressing", "False", reason="ProgressDeadlineExceeded")
    on_its_way = condition("Progressing", "True", reason="ReplicaSetUpdated")

    def stalled(one: Object) -> bool:
        return child("Deployment", an_object("d", spec={}, status={"conditions": [one]})).stalled

    assert (stalled(late), stalled(on_its_way)) == (True, False)


def test_a_container_is_told_with_the_probe_that_it_is_stopped_for() -> None:
    def get(path: str, port: int | str) -> Object:
        return {"httpGet": {"path": path, "port": port}}

    spec = {
        "initContainers": [
            {"name": "model-init"},
            {
                "name": "model",
                "ports": [{"name": "model", "containerPort": 9999}],
                "startupProbe": get("/ping", "model"),
                "livenessProbe": get("/other", "model"),
            },
        ],
        "containers": [{"name": "nginx", "livenessProbe": get("/healthz", 9090), "readinessProbe": get("/ping", 8088)}],
    }
    names = ("model-init", "model", "nginx")
    status = {"containerStatuses": [{"name": name} for name in names]}
    facts = an_entry("Pod", {**a_pod("p"), "spec": spec, "status": status}).facts

    assert isinstance(facts, PodFacts)
    probes = {container.name: container.probe for container in facts.containers}
    assert probes == {"model-init": "", "model": "/ping on port 9999", "nginx": "/healthz on port 9090"}


@pytest.mark.parametrize(
    ("status", "has_ended", "end"),
    [
        ({"phase": "Running"}, False, ""),
        ({"phase": "Failed"}, True, ""),
        ({"phase": "Failed", "reason": "Evicted", "message": "The node was low. "}, True, "Evicted: The node was low."),
        ({"phase": "Failed", "reason": "NodeLost"}, True, "NodeLost"),
        ({"phase": "Succeeded"}, True, ""),
        ({"phase": "Pending", "reason": "Odd"}, False, ""),
    ],
)
def test_a_pod_that_has_ended_for_good_says_why(status: Object, has_ended: bool, end: str) -> None:  # noqa: FBT001
    facts = pod_facts(status)

    assert (facts.has_ended, facts.end) == (has_ended, end)
