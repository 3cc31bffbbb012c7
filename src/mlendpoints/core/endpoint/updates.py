"""The update in an endpoint's status: its phases, and whether it is still running."""

from enum import StrEnum

from mlendpoints.api.endpoint import EndpointStatus, UpdateStatus


class Phase(StrEnum):
    """What an update waits for, as ``status.update.phase`` shows it. The steps that wait are those of ``rollout``."""

    RESOLVING_REFERENCES = "ResolvingReferences"  # its deadline restarts when the references are resolved
    STARTING_INSTANCES = "StartingInstances"
    PROVING_DESTINATIONS = "ProvingDestinations"
    PROVING_ROUTES = "ProvingRoutes"
    REMOVING_OLD = "RemovingOld"  # the update has succeeded; the version that served before is being removed


def running(status: EndpointStatus) -> UpdateStatus | None:
    """The update that has not ended; one that only removes the previous version has succeeded.

    An earlier release removed first and recorded the success afterwards; such an update is still running.
    """
    update = status.update
    if update is None or update.phase != Phase.REMOVING_OLD:
        return update
    succeeded = ((e.target, e.start_time) for e in status.history if e.outcome == "Succeeded")
    return None if (update.target, update.start_time) in succeeded else update
