"""What shall stand below an endpoint, as manifests, and the writes that are missing for it."""

from collections.abc import Iterable, Iterator

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import ref_of, write_for
from mlendpoints.core.endpoint.listeners import asked_door, doors_beside
from mlendpoints.core.endpoint.prune import releases, routes_are_proven
from mlendpoints.core.endpoint.refreeze import fits, refreezes
from mlendpoints.core.endpoint.resolve import Target, TargetVariant
from mlendpoints.core.endpoint.retention import kept_instances
from mlendpoints.core.endpoint.rollout import Rollout, Step
from mlendpoints.core.endpoint.scaling import as_served, first_replicas, scalings
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests.deployment import make_deployment
from mlendpoints.core.manifests.destinationrule import make_destination_rule
from mlendpoints.core.manifests.gateway import make_gateway
from mlendpoints.core.manifests.instances import make_config_instance, make_model_instance
from mlendpoints.core.manifests.networkpolicy import make_network_policy
from mlendpoints.core.manifests.service import make_monitoring_service, make_service
from mlendpoints.core.manifests.storage import make_claim, make_volume, needs_claim, needs_volume
from mlendpoints.core.manifests.virtualservice import make_virtual_service
from mlendpoints.core.plan import Write
from mlendpoints.core.world import Door


def missing_writes(view: View, rollout: Rollout) -> tuple[Write, ...]:
    """The writes, in order, after which everything stands as it shall."""
    writes = (write_for(manifest, view.world.children.get(ref_of(manifest))) for manifest in desired(view, rollout))
    missing = (write for write in writes if write is not None)
    instances = standing_instances(view, rollout)
    return (*missing, *refreezes(view, instances), *scalings(view, rollout), *releases(view))


def desired(view: View, rollout: Rollout) -> Iterator[Manifest]:
    """All that shall stand now, parents before children, routes last."""
    if view.target is None and not view.serving:
        return
    if doors := open_doors(view, rollout):
        yield make_gateway(view.world.endpoint, view.world.settings, doors)
    yield make_monitoring_service(view.world.endpoint)
    if view.world.settings.network_policies == "write":
        yield make_network_policy(view.world.endpoint, view.world.settings)
    asked = view.target if rollout.step is not Step.HOLD else None
    if asked is not None:
        yield _record(view, asked)
    if view.target is not None:
        yield from _new_instances(view, view.target, rollout)
    for instance in standing_instances(view, rollout):
        yield from _parts(view, instance)
    if rollout.routes is not None:
        yield _virtual_service(view, rollout)


def standing_instances(view: View, rollout: Rollout) -> tuple[Model, ...]:
    """The model instances, of those that are there, that serve, are asked for or are kept."""
    asked = view.target.instances if view.target is not None and rollout.step is not Step.HOLD else frozenset()
    names = sorted(view.serving_instances | asked | kept_instances(view))
    return tuple(instance for name in names if (instance := view.model_instance(name)) is not None)


def open_doors(view: View, rollout: Rollout) -> tuple[Door, ...]:
    """What the Gateway shall open; none where TLS has no credential, and the Gateway is left as it is.

    What stands stays open until every gateway pod has been seen serving the routes at the asked door.
    """
    asked = asked_door(view.world.endpoint, view.world.settings)
    if asked is None:
        return ()
    written = rollout.routes is None or view.live == rollout.routes
    proven = written and (rollout.routes is None or view.proof_on_record or routes_are_proven(view, rollout))
    return (asked,) if proven else doors_beside(asked, view.doors)


def _record(view: View, target: Target) -> Manifest:
    return make_config_instance(
        view.world.endpoint,
        config_name=target.config,
        version=target.version,
        variants=tuple(variant.spec for variant in target.variants),
        model_versions=target.model_versions,
    )


def _new_instances(view: View, target: Target, rollout: Rollout) -> Iterator[Manifest]:
    """Those of the target that are not there; of one that has failed, only what serves and was lost."""
    for variant in target.variants:
        wanted = rollout.step is not Step.HOLD or variant.instance in view.serving_instances
        if wanted and variant.instance not in view.world.model_instances:
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
        yield make_deployment(instance, replicas=view.wanted(instance.metadata.name))


def _virtual_service(view: View, rollout: Rollout) -> Manifest:
    assert rollout.routes is not None  # noqa: S101 - called when routes shall stand
    ping_paths = {name: view.ping_path(model) for name, model in view.world.model_instances.items()}
    return make_virtual_service(
        view.world.endpoint, rollout.routes, ping_paths=ping_paths, settings=view.world.settings
    )
