"""Prune: Jobs and claims that no version needs any more; first the Job, then, once it is gone, its claim.

So a successful Job always means that its claim is filled.
"""

from collections.abc import Iterator

from mlendpoints.api.monitoring import POD_MONITOR
from mlendpoints.core.discovery import discovery_refs
from mlendpoints.core.mlmodel.health import retry_at
from mlendpoints.core.mlmodel.view import CLAIM, DEPLOYMENT, JOB, SERVICE, View
from mlendpoints.core.strays import strays
from mlendpoints.core.world import Child, Ref


def prune(view: View) -> tuple[Child, ...]:
    """The objects to delete now, with the Job of a failed download once its retry is due: it is re-created."""
    due = retry_at(view)
    failed = [view.job] if due is not None and view.world.now >= due and view.job else []
    return tuple(child for child in (*failed, *_unneeded(view), *_strays(view)) if not child.deleting)


def _strays(view: View) -> tuple[Child, ...]:
    """Copies of its Services and Deployment, whose pods may answer for it, so that they go once it is ready."""
    model = view.world.model.metadata
    wanted = {*discovery_refs(view.world), *(Ref(kind, model.namespace, model.name) for kind in (SERVICE, DEPLOYMENT))}
    copies = strays(view.world.children, wanted=wanted, owners={model.uid})
    return tuple(copy for copy in copies if view.is_ready or copy.ref.kind == POD_MONITOR)


def _unneeded(view: View) -> Iterator[Child]:
    jobs, claims = _by_version(view, JOB), _by_version(view, CLAIM)
    for version in sorted((jobs.keys() | claims.keys()) - _needed(view)):
        if not _may_return(view, jobs.get(version)):
            yield jobs.get(version) or claims[version]


def _by_version(view: View, kind: str) -> dict[str, Child]:
    """By the version in their names, which unlike labels cannot be changed."""
    mine = {ref.name: child for ref, child in view.world.children.items() if ref.kind == kind}
    return {name.removeprefix(f"{view.name}-"): child for name, child in mine.items()}


def _needed(view: View) -> set[str]:
    """The versions that are requested, run, or still have pods."""
    running = {view.deployment.version} if view.deployment else set()
    requested = {view.version} if view.requested.spec.artifact else set()
    return requested | running | {pod.version for pod in view.serving_pods}


def _may_return(view: View, job: Child | None) -> bool:
    """During a rollout, the Deployment may create pods of versions that it ran before.

    It never ran a version whose download has not succeeded.
    """
    rolled_out = view.deployment is None or view.deployment.current
    never_ran = job is not None and not (job.job and job.job.succeeded)
    return not rolled_out and not never_ran
