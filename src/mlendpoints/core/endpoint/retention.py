"""Earlier versions whose instances stay, so that going back to one makes nothing anew.

``spec.update.keepVersions`` says how many; only versions that were rolled out
once, and are neither served nor asked for now, count.
"""

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.core.endpoint.view import View, recorded_destinations


def kept_records(view: View) -> tuple[EndpointConfig, ...]:
    """The config instances of kept versions, newest first.

    While an update runs, what served before it is one of them, beside those kept already: the
    update may fail.
    """
    endpoint, asked = view.world.endpoint, view.target.version if view.target else ""
    most = endpoint.spec.update.keep_versions
    if not most:
        return ()
    succeeded = (entry.target for entry in endpoint.status.history if entry.outcome == "Succeeded")
    earlier = (version for version in dict.fromkeys(succeeded) if version != asked)
    records = [record for version in earlier if (record := view.record_of(version)) is not None]
    updating = endpoint.status.config_version != asked
    return tuple(records[: most + updating])


def kept_instances(view: View) -> frozenset[str]:
    """The model instances of kept versions that neither serve nor are asked for."""
    kept = {destination.instance for record in kept_records(view) for destination in recorded_destinations(record)}
    in_use = view.serving_instances | (view.target.instances if view.target else frozenset())
    return frozenset(name for name in kept - in_use if view.model_instance(name) is not None)
