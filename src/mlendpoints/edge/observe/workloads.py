"""Projections of workloads and their status: Deployments, Jobs, PersistentVolumeClaims."""

import msgspec
from msgspec import Struct

from mlendpoints.core.world import Child, JobFacts
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.metadata import Condition, Metadata, epoch, make_child
from mlendpoints.edge.observe.additions import additions


class _Scale(Struct, frozen=True):
    replicas: int = 1


class _DeploymentStatus(Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class _Deployment(Struct, frozen=True):
    metadata: Metadata
    spec: _Scale = _Scale()
    status: _DeploymentStatus = _DeploymentStatus()


class _JobStatus(Struct, frozen=True):
    conditions: tuple[Condition, ...] = ()


class _Job(Struct, frozen=True):
    metadata: Metadata
    status: _JobStatus = _JobStatus()


class _ClaimStatus(Struct, frozen=True):
    phase: str = ""


class _Claim(Struct, frozen=True):
    metadata: Metadata
    status: _ClaimStatus = _ClaimStatus()


def make_deployment(raw: bytes) -> tuple[Metadata, Child]:
    """A Deployment: its ready replicas, and the failures that its controller reports."""
    deployment = msgspec.json.decode(raw, type=_Deployment)
    status, metadata = deployment.status, deployment.metadata
    outdated = status.replicas - status.updated_replicas
    failures = (c for c in status.conditions if c.type == "ReplicaFailure" and c.status == "True")
    failure = next(failures, Condition("ReplicaFailure"))
    return metadata, msgspec.structs.replace(
        make_child(kinds.DEPLOYMENT.name, metadata),
        replicas=deployment.spec.replicas,
        current=status.observed_generation >= metadata.generation and outdated == 0,
        ready_replicas=status.ready_replicas,
        newest_ready=max(0, status.ready_replicas - outdated),
        additions=additions(metadata.managed_fields),
        failure=failure.message,
        failed_at=epoch(failure.last_transition_time),
        stalled=any(c.type == "Progressing" and c.reason == "ProgressDeadlineExceeded" for c in status.conditions),
    )


def make_job(raw: bytes) -> tuple[Metadata, Child]:
    """A Job and its result."""
    job = msgspec.json.decode(raw, type=_Job)
    ended = {condition.type: condition for condition in job.status.conditions if condition.status == "True"}
    failed = ended.get("Failed", Condition("Failed"))
    facts = JobFacts(
        succeeded="Complete" in ended,
        failure=failed.message,
        failure_reason=failed.reason,
        failed_at=epoch(failed.last_transition_time),
    )
    return job.metadata, msgspec.structs.replace(make_child(kinds.JOB.name, job.metadata), job=facts)


def make_claim(raw: bytes) -> tuple[Metadata, Child]:
    """A PersistentVolumeClaim, and whether it is bound."""
    claim = msgspec.json.decode(raw, type=_Claim)
    child = make_child(kinds.CLAIM.name, claim.metadata)
    return claim.metadata, msgspec.structs.replace(child, bound=claim.status.phase == "Bound")
