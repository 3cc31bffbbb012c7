"""Desired state: the writes that are missing for the requested version, in order; each step finds what it needs."""

from collections.abc import Iterator

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.discovery import monitoring_service, pod_monitors
from mlendpoints.core.drift import manifest_hash, ref_of, scale_for, stamped, write_for
from mlendpoints.core.manifests.mlmodel import (
    make_download_job,
    make_mlmodel_claim,
    make_mlmodel_deployment,
    make_mlmodel_service,
)
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.plan import Create, Replace, Write


def missing_writes(view: View) -> Iterator[Write]:
    """Claim, Job, Service, Deployment, and how Prometheus finds the pods."""
    yield from _storage(view)
    writes = (
        _write(view, make_mlmodel_service(view.world.model)),
        _deployment_write(view),
        _write(view, monitoring_service(view.world)),
        *(_write(view, monitor) for monitor in pod_monitors(view.world)),
    )
    yield from (write for write in writes if write is not None)


def _write(view: View, manifest: Manifest) -> Write | None:
    return write_for(manifest, view.world.children.get(ref_of(manifest)))


def _storage(view: View) -> Iterator[Write]:
    """Claim and Job are created once; an object being deleted blocks its name, and the Job waits for its claim."""
    if not view.requested.spec.artifact or view.own_source_claim:
        return
    if view.claim is None:
        yield _creation(make_mlmodel_claim(view.world.model, view.requested))
    blocked = view.claim is not None and view.claim.deleting
    if view.job is None and not blocked and not view.is_fetched:
        yield _creation(make_download_job(view.world.model, view.requested))


def _creation(manifest: Manifest) -> Create:
    return Create(ref_of(manifest), stamped(manifest))


def _deployment_write(view: View) -> Write | None:
    """A new version is a PUT, so that nothing of the old one stays; the same version is left as it was written.

    The same version under another hash is that of an operator with other images or another builder:
    an upgrade restarts no pods.
    """
    deployment, manifest = view.deployment, make_mlmodel_deployment(view.world.model, view.requested)
    if deployment is None:
        return write_for(manifest, None) if view.is_fetched and not view.capture_finding else None
    if deployment.deleting:
        return None
    if not view.is_fetched or view.capture_finding:
        return scale_for(manifest, deployment)
    if not view.is_switched:
        return Replace(deployment, stamped(manifest))
    same = deployment.manifest_hash == manifest_hash(manifest)
    return write_for(manifest, deployment) if same else scale_for(manifest, deployment)
