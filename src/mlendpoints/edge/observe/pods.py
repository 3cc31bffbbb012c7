"""Projection of a pod's status: readiness, waiting reasons, exit codes, termination messages."""

import sys

import msgspec
from msgspec import Struct, field

from mlendpoints.api import labels
from mlendpoints.core.world import ContainerFacts, PodFacts
from mlendpoints.edge.kube.metadata import Condition, Metadata, epoch

LONGEST_MESSAGE = 4096  # last characters of a termination message; Kubernetes' own limit
_ENDED = frozenset({"Failed", "Succeeded"})


class _Waiting(Struct, frozen=True):
    reason: str = ""
    message: str = ""


class _Terminated(Struct, frozen=True, rename="camel"):
    exit_code: int = 0
    reason: str = ""
    message: str = ""


class _State(Struct, frozen=True):
    waiting: _Waiting | None = None
    terminated: _Terminated | None = None


class _Container(Struct, frozen=True, rename="camel"):
    name: str
    ready: bool = False
    restart_count: int = 0
    state: _State = _State()
    last_state: _State = _State()


class _Status(Struct, frozen=True, rename="camel"):
    address: str = field(name="podIP", default="")
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    init_container_statuses: tuple[_Container, ...] = ()
    container_statuses: tuple[_Container, ...] = ()

    @property
    def containers(self) -> tuple[_Container, ...]:
        return (*self.init_container_statuses, *self.container_statuses)

    def condition(self, type_: str) -> Condition:
        found = (condition for condition in self.conditions if condition.type == type_)
        return next(found, Condition(type=type_))


class _Source(Struct, frozen=True, rename="camel"):
    name: str = ""  # of a ConfigMap
    secret_name: str = ""
    claim_name: str = ""


class _Volume(Struct, frozen=True, rename="camel"):
    name: str
    secret: _Source | None = None
    config_map: _Source | None = None
    persistent_volume_claim: _Source | None = None
    ephemeral: _Source | None = None

    def source(self, pod: str) -> str:
        """The object that must exist before the volume can be mounted; empty if there is none."""
        match self:
            case _Volume(secret=_Source(secret_name=name)):
                return f"Secret {name}"
            case _Volume(config_map=_Source(name=name)):
                return f"ConfigMap {name}"
            case _Volume(persistent_volume_claim=_Source(claim_name=name)):
                return f"PersistentVolumeClaim {name}"
            case _Volume(ephemeral=_Source()):
                return f"PersistentVolumeClaim {pod}-{self.name}"
        return ""


class _Port(Struct, frozen=True, rename="camel"):
    container_port: int
    name: str = ""


class _HttpGet(Struct, frozen=True):
    port: int | str = ""
    path: str = "/"


class _Probe(Struct, frozen=True, rename="camel"):
    http_get: _HttpGet | None = None


class _ContainerSpec(Struct, frozen=True, rename="camel"):
    name: str
    ports: tuple[_Port, ...] = ()
    startup_probe: _Probe = _Probe()
    liveness_probe: _Probe = _Probe()

    @property
    def probe(self) -> str:
        """The HTTP probe whose failure makes the kubelet stop the container."""
        http_get = self.startup_probe.http_get or self.liveness_probe.http_get
        if http_get is None:
            return ""
        named = (port.container_port for port in self.ports if port.name == http_get.port)
        return f"{http_get.path} on port {next(named, http_get.port)}"


class _Spec(Struct, frozen=True, rename="camel"):
    volumes: tuple[_Volume, ...] = ()
    init_containers: tuple[_ContainerSpec, ...] = ()
    containers: tuple[_ContainerSpec, ...] = ()

    @property
    def probes(self) -> dict[str, str]:
        """By container."""
        return {container.name: container.probe for container in (*self.init_containers, *self.containers)}


class _Pod(Struct, frozen=True):
    metadata: Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


def make_pod_facts(raw: bytes) -> tuple[Metadata, PodFacts]:
    """The facts of one pod; its instance is named by the label ``app.kubernetes.io/instance``."""
    pod = msgspec.json.decode(raw, type=_Pod)
    ready = pod.status.condition("Ready")
    scheduled = pod.status.condition("PodScheduled")
    probes = pod.spec.probes
    return pod.metadata, PodFacts(
        name=pod.metadata.name,
        instance=sys.intern(pod.metadata.labels.get(labels.INSTANCE, "")),
        version=sys.intern(pod.metadata.labels.get(labels.MODEL_VERSION, "")),
        address=pod.status.address,
        ready=ready.status == "True",
        deleting=pod.metadata.deletion_timestamp is not None,
        unschedulable=scheduled.message if scheduled.reason == "Unschedulable" else "",
        pending_mounts=_pending_mounts(pod) if scheduled.status == "True" else (),
        not_ready_since=0.0 if ready.status == "True" else epoch(ready.last_transition_time),
        has_ended=pod.status.phase in _ENDED,
        end=_end(pod.status),
        containers=tuple(_container_facts(one, probes.get(one.name, "")) for one in pod.status.containers),
    )


def _end(status: _Status) -> str:
    """Why a pod has ended: evicted pods, and pods of a node that was shut down, exist for a while and report it."""
    if status.phase not in _ENDED or not status.reason:
        return ""
    return f"{status.reason}: {status.message.strip()}" if status.message else status.reason


def _pending_mounts(pod: _Pod) -> tuple[str, ...]:
    """Volumes that are not mounted: the kubelet creates the sandbox only after all are (KEP-3085)."""
    containers = pod.status.containers
    waits = containers and all(container.state.waiting for container in containers)
    if not waits or pod.status.condition("PodReadyToStartContainers").status != "False":
        return ()
    return tuple(source for volume in pod.spec.volumes if (source := volume.source(pod.metadata.name)))


def _container_facts(container: _Container, probe: str) -> ContainerFacts:
    waiting = container.state.waiting or _Waiting()
    ended = container.state.terminated or container.last_state.terminated
    return ContainerFacts(
        name=sys.intern(container.name),
        ready=container.ready,
        restarts=container.restart_count,
        waiting_reason=sys.intern(waiting.reason),
        waiting_message=waiting.message,
        exit_code=ended.exit_code if ended else None,
        exit_reason=sys.intern(ended.reason) if ended else "",
        termination_message=ended.message[-LONGEST_MESSAGE:] if ended else "",
        probe=sys.intern(probe),
    )
