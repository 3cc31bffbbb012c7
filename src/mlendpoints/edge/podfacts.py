"""What a pod says of itself, as facts: readiness, waiting reasons, exit codes, last words."""

import sys

import msgspec
from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.core.world import ContainerFacts, PodFacts
from mlendpoints.edge.envelope import Condition, Metadata, epoch

LAST_WORDS = 1024  # characters of a termination message that are kept: its end


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
    conditions: tuple[Condition, ...] = ()
    init_container_statuses: tuple[_Container, ...] = ()
    container_statuses: tuple[_Container, ...] = ()

    def condition(self, type_: str) -> Condition:
        found = (condition for condition in self.conditions if condition.type == type_)
        return next(found, Condition(type=type_))


class _Pod(Struct, frozen=True):
    metadata: Metadata
    status: _Status = _Status()


def make_pod_facts(raw: bytes) -> tuple[Metadata, PodFacts]:
    """The facts of one pod; its instance is named by the label ``app.kubernetes.io/instance``."""
    pod = msgspec.json.decode(raw, type=_Pod)
    ready = pod.status.condition("Ready")
    scheduled = pod.status.condition("PodScheduled")
    every = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return pod.metadata, PodFacts(
        name=pod.metadata.name,
        instance=sys.intern(pod.metadata.labels.get(labels.INSTANCE, "")),
        version=sys.intern(pod.metadata.labels.get(labels.MODEL_VERSION, "")),
        ready=ready.status == "True",
        deleting=pod.metadata.deletion_timestamp is not None,
        unschedulable=scheduled.message if scheduled.reason == "Unschedulable" else "",
        not_ready_since=0.0 if ready.status == "True" else epoch(ready.last_transition_time),
        containers=tuple(_container_facts(container) for container in every),
    )


def _container_facts(container: _Container) -> ContainerFacts:
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
        last_words=ended.message[-LAST_WORDS:] if ended else "",
    )
