"""How far the asked version has come, and in words for its owner why no further: the phase and its finding."""

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.mlmodel import Phase
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding, made_claim, refused
from mlendpoints.core.manifests.deployment import progress_seconds
from mlendpoints.core.manifests.storage import claim_class, source_claim
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.orphans import left_over
from mlendpoints.core.reasons.containers import fetchers_finding
from mlendpoints.core.reasons.pods import (
    added_by_others,
    awaited,
    deadline_finding,
    ended,
    instance_findings,
    pod_finding,
)
from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.reasons.volumes import no_volume, waits_for_volume
from mlendpoints.core.times import timestamp
from mlendpoints.core.world import Child, JobFacts, PodFacts

RETRY = 300.0  # seconds after which a download that has failed is tried again
_AGAIN = "The download is retried automatically."


class Verdict(Struct, frozen=True):
    """The phase, and what is to be said of it."""

    phase: Phase
    finding: Finding


def judge(view: View) -> Verdict:
    """The first thing that keeps the asked version from being served, or that nothing does."""
    if view.world.model.metadata.deletion_timestamp:
        return Verdict("Terminating", Finding.no(Reason.DELETING, "It is being deleted, and all that was made for it."))
    if view.world.refusals:
        return _failed(view, refused(refusal for _, refusal in sorted(view.world.refusals.items())))
    if view.made_source:
        return _failed(view, made_claim(view.made_source))
    return _serving(view) if view.is_fetched else _fetching(view)


def retry_at(view: View) -> float | None:
    """When a failed download is tried again, seconds since the epoch; None while none has failed."""
    job = view.job.job if view.job and not view.is_fetched else None
    return job.failed_at + RETRY if job is not None and job.failed_at else None


def _failed(view: View, finding: Finding) -> Verdict:
    still = f" Version {view.fallback} goes on serving." if view.fallback else ""
    return Verdict("Failed", replace(finding, message=finding.message + still))


def _fetching(view: View) -> Verdict:
    claim, job, name = view.claim, view.job, view.asked.metadata.name
    for child in (claim, job):
        if child is not None and child.deleting:
            gone = f"{child.ref.kind} {name} is being deleted; it is made anew when it is gone."
            return Verdict("Pending", Finding.wait(Reason.WAITING, gone))
    if claim is None or job is None or job.job is None:
        return Verdict(
            "Pending", Finding.wait(Reason.WAITING, f"The claim and the download Job {name} are being made.")
        )
    return _downloading(view, claim, job.job)


def _downloading(view: View, claim: Child, job: JobFacts) -> Verdict:
    if job.failed_at and not _last_words_are_due(view, job):
        return _failed(view, _download_failure(view, job))
    trouble = _first_finding(view.download_pods)
    if not claim.bound:
        waiting = no_volume(claim.ref.namespace, claim.ref.name, claim_class(view.asked))
        told = None if any(waits_for_volume(pod) for pod in view.download_pods) else trouble
        return Verdict("CreatingStorage", Finding.wait(Reason.CREATING_STORAGE, _with(waiting, told)))
    if given_up := _given_up(view):
        return _failed(view, replace(given_up, message=f"{given_up.message.rstrip('. ')}. {_AGAIN}"))
    if trouble is not None and not any(_has_ended(pod) or _waited_for_claim(view, pod) for pod in view.download_pods):
        return _failed(view, trouble)
    said = _with(awaited(view.download_pods).strip() or "The artifact is being fetched.", trouble)
    said += ended(view.download_pods)
    return Verdict("Downloading", Finding.wait(Reason.DOWNLOADING, said))


def _given_up(view: View) -> Finding | None:
    """What model-init itself has told of an attempt that failed. The Job's next one may succeed, but need not."""
    for pod in sorted(view.download_pods, key=lambda pod: pod.name):
        for container in pod.containers:
            if finding := fetchers_finding(pod, container):
                return finding
    return None


def _waited_for_claim(view: View, pod: PodFacts) -> bool:
    """The scheduler's words of before the claim was bound; it returns to the pod automatically.

    The claim that the artifact is read from is another one.
    """
    source = source_claim(view.asked.spec.artifact)
    return waits_for_volume(pod) and not (source and f'"{source}"' in pod.unschedulable)


def _last_words_are_due(view: View, job: JobFacts) -> bool:
    """A Job fails by an exit code once its controller has seen a pod end; the pod's event may come after the Job's."""
    told = any(_has_ended(pod) for pod in view.download_pods)
    return job.failure_reason == "PodFailurePolicy" and bool(view.download_pods) and not told


def _download_failure(view: View, job: JobFacts) -> Finding:
    said = _first_finding(view.download_pods)
    late = f" (spec.downloadTimeoutSeconds).{_perhaps(view)}" if job.failure_reason == "DeadlineExceeded" else "."
    name = view.asked.metadata.name
    why = said or Finding.no(Reason.ARTIFACT_DOWNLOAD_FAILED, f"Job {name}: {quoted(job.failure).rstrip('.')}{late}")
    again = (
        f"It will be tried again at {timestamp(job.failed_at + RETRY)}; an edit, or deleting Job {name}, tries at once."
    )
    return replace(why, message=f"{why.message.rstrip('. ')}. {again}")


def _perhaps(view: View) -> str:
    """What may have kept the Job's pod from starting; the pod itself has gone with its Job's deadline."""
    secret, source = view.asked.spec.artifact_secret, source_claim(view.asked.spec.artifact)
    if view.claim is not None and not view.claim.bound:
        return f" Claim {view.claim.ref.name} never got a volume: check storageClass, accessMode, and the nodes' room."
    if missing := (secret and f"Secret {secret}") or (source and f"claim {source}"):
        return f" If its pod never started, check that {missing} exists and can be mounted."
    return ""


def _first_finding(pods: tuple[PodFacts, ...]) -> Finding | None:
    found = (pod_finding(pod) for pod in sorted(pods, key=lambda pod: pod.name))
    return next((finding for finding in found if finding is not None), None)


def _has_ended(pod: PodFacts) -> bool:
    """A Job's pod is never started again: another takes its place."""
    return any(container.exit_code is not None for container in pod.containers)


def _with(message: str, trouble: Finding | None) -> str:
    return f"{message} {trouble.message}" if trouble else message


def _serving(view: View) -> Verdict:
    if view.is_ready:
        said = {0: "It is scaled to no pods.", 1: "Its pod answers."}.get(
            view.wanted, f"All {view.wanted} pods answer."
        )
        said += (
            _leaving_claim(view)
            + added_by_others([view.deployment])
            + left_over(view.world.model, view.world.orphans, {})
        )
        return Verdict("Ready", Finding.yes(Reason.AS_ASKED, said))
    if view.deployment is None or not view.is_switched:
        begun: Phase = "Serving" if view.asked.spec.artifact or view.deployment else "Pending"
        said = f"Deployment {view.name} is about to be written."
        return Verdict(begun, Finding.wait(Reason.INSTANCES_STARTING, said))
    finding = instance_findings(
        view.name,
        deployment=view.deployment,
        pods=view.new_pods,
        refusals=(),
        wanted=view.wanted,
        ready=min(view.deployment.newest_ready, view.answering),
        instance=view.asked,
    )
    if view.deployment.stalled:
        finding = deadline_finding(progress_seconds(view.asked.spec), finding, view.new_pods)
    return _failed(view, finding) if finding.ok is False else Verdict("Serving", finding)


def _leaving_claim(view: View) -> str:
    """Somebody has deleted the claim of what serves: it stays while pods use it, and no further pod may."""
    if view.claim is None or not view.claim.deleting:
        return ""
    return (
        f" But claim {view.claim.ref.name} is being deleted, and no new pod can mount it."
        " Scale to 0 and back, and it is made and filled anew."
    )
