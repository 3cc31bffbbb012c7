"""Desired state: the objects of an endpoint as manifests, and the writes that are missing for it."""

from collections.abc import Iterable, Iterator

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.discovery import monitoring_service, pod_monitors
from mlendpoints.core.drift import ref_of, write_for
from mlendpoints.core.endpoint.listeners import listeners_beside, requested_listener
from mlendpoints.core.endpoint.prune import releases, routes_are_proven
from mlendpoints.core.endpoint.refreeze import fits, refreezes
from mlendpoints.core.endpoint.resolve import Target, TargetVariant
from mlendpoints.core.endpoint.retention import kept_instances
from mlendpoints.core.endpoint.rollout import Rollout
from mlendpoints.core.endpoint.scaling import as_served, first_replicas, scalings
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.deployment import make_deployment
from mlendpoints.core.manifests.destinationrule import make_destination_rule
from mlendpoints.core.manifests.gateway import make_gateway
from mlendpoints.core.manifests.instances import make_config_instance, make_model_instance
from mlendpoints.core.manifests.networkpolicy import make_network_policy
from mlendpoints.core.manifests.service import make_service
from mlendpoints.core.manifests.storage import make_claim, make_volume, needs_claim, needs_volume
from mlendpoints.core.manifests.virtualservice import make_virtual_service
from mlendpoints.core.plan import Write
from mlendpoints.core.world import Listener


def missing_writes(view: View, rollout: Rollout) -> tuple[Write, ...]:
    """The writes, in order, that make the observed state the desired state."""
    writes = (write_for(manifest, view.world.children.get(ref_of(manifest))) for manifest in desired(view, rollout))
    missing = (write for write in writes if write is not None)
    instances = active_instances(view, rollout)
    return (*missing, *refreezes(view, instances), *scalings(view, rollout), *releases(view))


def desired(view: View, rollout: Rollout) -> Iterator[Manifest]:
    """All objects that should exist now, parents before children, routes after what they lead to."""
    if view.target is None and not view.serving:
        return
    if listeners := open_listeners(view, rollout):
        yield make_gateway(view.world.endpoint, view.world.settings, listeners)
    yield monitoring_service(view.world)
    if view.world.settings.network_policies == "write":
        yield make_network_policy(view.world.endpoint, view.world.settings)
    if view.target is not None and rollout.pursued:
        yield _record(view, view.target)
    if view.target is not None:
        yield from _missing_instances(view, view.target, rollout)
    for instance in active_instances(view, rollout):
        yield from _parts(view, instance)
    if rollout.routes is not None:
        yield _virtual_service(view, rollout)
    yield from pod_monitors(view.world)


def active_instances(view: View, rollout: Rollout) -> tuple[Model, ...]:
    """The existing model instances that serve, may have to, or are kept."""
    names = sorted(rollout.needed | kept_instances(view))
    return tuple(instance for name in names if (instance := view.model_instance(name)) is not None)


def open_listeners(view: View, rollout: Rollout) -> tuple[Listener, ...]:
    """The listeners of the Gateway; none if TLS has no credential: then the Gateway is left as it is.

    Existing listeners stay open until every gateway pod is proven to serve the routes at the requested one.
    """
    requested = requested_listener(view.world.endpoint, view.world.settings)
    if requested is None:
        return ()
    written = rollout.routes is None or view.live == rollout.routes
    proven = written and (rollout.routes is None or view.proof_is_recorded or routes_are_proven(view, rollout))
    return (requested,) if proven else listeners_beside(requested, view.listeners)


def _record(view: View, target: Target) -> Manifest:
    return make_config_instance(
        view.world.endpoint,
        config_name=target.config,
        version=target.version,
        variants=tuple(variant.spec for variant in target.variants),
        model_versions=target.model_versions,
    )


def _missing_instances(view: View, target: Target, rollout: Rollout) -> Iterator[Manifest]:
    """Instances of the target that do not exist; after a failure only those that serve and were lost."""
    for variant in target.variants:
        needed = rollout.pursued or variant.instance in view.serving_instances
        if needed and variant.instance not in view.world.model_instances:
            yield _model_instance(view, target, as_served(view, variant))


def _model_instance(view: View, target: Target, variant: TargetVariant) -> Manifest:
    return make_model_instance(
        view.world.endpoint,
        variant.template,
        variant.spec,
        config_name=target.config,
        version=variant.version,
        replicas=first_replicas(view, variant),
        settings=view.world.settings,
    )


def _parts(view: View, instance: Model) -> Iterable[Manifest]:
    yield make_service(instance)
    yield make_destination_rule(instance)
    stored = view.may_have_volume(instance)
    if stored and needs_volume(instance.spec):
        yield make_volume(instance)
    if stored and needs_claim(instance.spec):
        yield make_claim(instance)
    if view.deployment(instance.metadata.name) or (stored and fits(instance, view.world.settings)):
        yield make_deployment(instance, replicas=view.desired_replicas(instance.metadata.name))


def _virtual_service(view: View, rollout: Rollout) -> Manifest:
    assert rollout.routes is not None  # noqa: S101 - called only when routes are desired
    ping_paths = {name: view.ping_path(model) for name, model in view.world.model_instances.items()}
    return make_virtual_service(
        view.world.endpoint, rollout.routes, ping_paths=ping_paths, settings=view.world.settings
    )
