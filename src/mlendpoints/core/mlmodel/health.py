"""Health: the phase of the requested version, and the finding that explains it to its owner."""

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.mlmodel import Phase
from mlendpoints.api.reasons import Reason
from mlendpoints.core.discovery import describe_undiscovered, essential_rejections
from mlendpoints.core.findings import Finding, own_claim_finding, rejection_finding
from mlendpoints.core.manifests.deployment import progress_seconds
from mlendpoints.core.manifests.storage import claim_class, source_claim
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.orphans import describe_orphans
from mlendpoints.core.reasons.containers import fetcher_finding
from mlendpoints.core.reasons.pods import (
    added_by_others,
    deadline_finding,
    describe_evictions,
    describe_pending_mounts,
    instance_findings,
    pod_finding,
)
from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.reasons.volumes import no_volume, waits_for_volume
from mlendpoints.core.times import timestamp
from mlendpoints.core.wording import counted
from mlendpoints.core.world import Child, JobFacts, PodFacts

RETRY = 300.0  # seconds after which a failed download is retried
_AGAIN = "The download is retried automatically."


class Health(Struct, frozen=True):
    """The phase, and its explanation."""

    phase: Phase
    finding: Finding


def assess(view: View) -> Health:
    """The first obstacle to serving the requested version, or that there is none."""
    if view.world.model.metadata.deletion_timestamp:
        return Health("Terminating", Finding.no(Reason.DELETING, "The MLModel and its children are being deleted."))
    if rejected := essential_rejections(view.world):
        return _failed(view, rejection_finding(rejected))
    if view.own_source_claim:
        return _failed(view, own_claim_finding(view.own_source_claim))
    if finding := view.capture_finding:
        return _failed(view, finding)
    return _serving(view) if view.is_fetched else _fetching(view)


def retry_at(view: View) -> float | None:
    """When a failed download is retried, seconds since the epoch; None while none has failed."""
    job = view.job.job if view.job and not view.is_fetched else None
    return job.failed_at + RETRY if job is not None and job.failed_at else None


def _failed(view: View, finding: Finding) -> Health:
    still = f" Version {view.fallback} continues to serve." if view.fallback else ""
    return Health("Failed", replace(finding, message=finding.message + still))


def _fetching(view: View) -> Health:
    claim, job, name = view.claim, view.job, view.requested.metadata.name
    for child in (claim, job):
        if child is not None and child.deleting:
            gone = f"{child.ref.kind} {name} is being deleted and will be re-created once it is gone."
            return Health("Pending", Finding.wait(Reason.WAITING, gone))
    if claim is None or job is None or job.job is None:
        return Health("Pending", Finding.wait(Reason.WAITING, f"Creating the claim and the download Job {name}."))
    return _downloading(view, claim, job.job)


def _downloading(view: View, claim: Child, job: JobFacts) -> Health:
    if job.failed_at and not _termination_message_is_due(view, job):
        return _failed(view, _download_failure(view, job))
    trouble = _first_finding(view.download_pods)
    if not claim.bound:
        waiting = no_volume(claim.ref.namespace, claim.ref.name, claim_class(view.requested))
        reported = None if any(waits_for_volume(pod) for pod in view.download_pods) else trouble
        return Health("CreatingStorage", Finding.wait(Reason.CREATING_STORAGE, _with(waiting, reported)))
    if given_up := _given_up(view):
        return _failed(view, replace(given_up, message=f"{given_up.message.rstrip('. ')}. {_AGAIN}"))
    if trouble is not None and not any(_has_ended(pod) or _waited_for_claim(view, pod) for pod in view.download_pods):
        return _failed(view, trouble)
    text = _with(describe_pending_mounts(view.download_pods).strip() or "The artifact is being fetched.", trouble)
    text += describe_evictions(view.download_pods)
    return Health("Downloading", Finding.wait(Reason.DOWNLOADING, text))


def _given_up(view: View) -> Finding | None:
    """The termination message of model-init's failed attempt; the Job's next attempt may succeed."""
    for pod in sorted(view.download_pods, key=lambda pod: pod.name):
        for container in pod.containers:
            if finding := fetcher_finding(pod, container):
                return finding
    return None


def _waited_for_claim(view: View, pod: PodFacts) -> bool:
    """Whether the scheduler's message dates from before the claim was bound; it retries the pod automatically.

    The claim that the artifact is read from is a different one.
    """
    source = source_claim(view.requested.spec.artifact)
    return waits_for_volume(pod) and not (source and f'"{source}"' in pod.unschedulable)


def _termination_message_is_due(view: View, job: JobFacts) -> bool:
    """A Job fails by its pod's exit code; the watch of pods may show it later than that of Jobs."""
    terminated = any(_has_ended(pod) for pod in view.download_pods)
    return job.failure_reason == "PodFailurePolicy" and bool(view.download_pods) and not terminated


def _download_failure(view: View, job: JobFacts) -> Finding:
    text = _first_finding(view.download_pods)
    late = f" (spec.downloadTimeoutSeconds).{_perhaps(view)}" if job.failure_reason == "DeadlineExceeded" else "."
    name = view.requested.metadata.name
    why = text or Finding.no(Reason.ARTIFACT_DOWNLOAD_FAILED, f"Job {name}: {quoted(job.failure).rstrip('.')}{late}")
    again = f"Next retry at {timestamp(job.failed_at + RETRY)}. To retry now, edit the MLModel or delete Job {name}."
    return replace(why, message=f"{why.message.rstrip('. ')}. {again}")


def _perhaps(view: View) -> str:
    """What may have kept the Job's pod from starting; the pod was deleted at its Job's deadline."""
    secret, source = view.requested.spec.artifact_secret, source_claim(view.requested.spec.artifact)
    if view.claim is not None and not view.claim.bound:
        claim = view.claim.ref.name
        return f" Claim {claim} never got a volume: check storageClass, accessMode, and the capacity of the nodes."
    if missing := (secret and f"Secret {secret}") or (source and f"claim {source}"):
        return f" If its pod never started, check that {missing} exists and can be mounted."
    return ""


def _first_finding(pods: tuple[PodFacts, ...]) -> Finding | None:
    found = (pod_finding(pod) for pod in sorted(pods, key=lambda pod: pod.name))
    return next((finding for finding in found if finding is not None), None)


def _has_ended(pod: PodFacts) -> bool:
    """A Job's pod is never restarted: another replaces it."""
    return any(container.exit_code is not None for container in pod.containers)


def _with(message: str, trouble: Finding | None) -> str:
    return f"{message} {trouble.message}" if trouble else message


def _serving(view: View) -> Health:
    if view.is_ready:
        text = f"{counted(view.desired, 'pod')} ready." if view.desired else "Scaled to zero."
        text += (
            _leaving_claim(view)
            + added_by_others([view.deployment])
            + describe_orphans(view.world.model, view.world.orphans, {})
            + describe_undiscovered(view.world)
        )
        return Health("Ready", Finding.yes(Reason.AS_ASKED, text))
    if view.deployment is None or not view.is_switched:
        begun: Phase = "Serving" if view.requested.spec.artifact or view.deployment else "Pending"
        text = f"Writing Deployment {view.name}."
        return Health(begun, Finding.wait(Reason.INSTANCES_STARTING, text))
    finding = instance_findings(
        view.name,
        deployment=view.deployment,
        pods=view.new_pods,
        rejections=(),
        desired=view.desired,
        ready=min(view.deployment.newest_ready, view.answering),
        instance=view.requested,
    )
    if view.deployment.stalled:
        finding = deadline_finding(progress_seconds(view.requested.spec), finding, view.new_pods)
    return _failed(view, finding) if finding.ok is False else Health("Serving", finding)


def _leaving_claim(view: View) -> str:
    """The claim of the serving version was deleted: it stays while pods use it, but no new pod can mount it."""
    if view.claim is None or not view.claim.deleting:
        return ""
    return (
        f" But claim {view.claim.ref.name} is being deleted, and no new pod can mount it."
        " Scale to 0 and back to re-create and fill it."
    )
