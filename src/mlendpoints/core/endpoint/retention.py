"""Retention: earlier versions that keep their instances, so that a rollback to one re-creates nothing.

``spec.update.keepVersions`` says how many; only versions that were rolled out
once, and neither serve nor are requested now, count.
"""

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.core.endpoint.view import View, recorded_destinations


def kept_configs(view: View) -> tuple[EndpointConfig, ...]:
    """The config instances of kept versions, newest first.

    While an update runs, the version that serves is one of them, beside those already kept: the
    update may fail.
    """
    endpoint, requested = view.world.endpoint, view.target.version if view.target else ""
    most = endpoint.spec.update.keep_versions
    if not most:
        return ()
    succeeded = (entry.target for entry in endpoint.status.history if entry.outcome == "Succeeded")
    earlier = (version for version in dict.fromkeys(succeeded) if version != requested)
    records = [config for version in earlier if (config := view.config_instance_of(version)) is not None]
    updating = endpoint.status.config_version != requested
    return tuple(records[: most + updating])


def kept_instances(view: View) -> frozenset[str]:
    """The model instances of kept versions that neither serve nor are requested."""
    kept = {destination.instance for config in kept_configs(view) for destination in recorded_destinations(config)}
    in_use = view.serving_instances | (view.target.instances if view.target else frozenset())
    return frozenset(name for name in kept - in_use if view.model_instance(name) is not None)
