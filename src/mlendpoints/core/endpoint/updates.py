"""The record of an update in an endpoint's status: which phases mean that it has not begun to count, or has ended."""

from mlendpoints.api.endpoint import EndpointStatus, UpdateStatus

REMOVING = "RemovingOld"  # phase: the update has succeeded, what served before is leaving
UNRESOLVED = "ResolvingReferences"  # phase: its deadline begins again when the references are resolved


def running(status: EndpointStatus) -> UpdateStatus | None:
    """The update that has not ended; one that only removes what served before has succeeded.

    An earlier release removed first and recorded the success afterwards: such an update is still running.
    """
    update = status.update
    if update is None or update.phase != REMOVING:
        return update
    succeeded = ((e.target, e.start_time) for e in status.history if e.outcome == "Succeeded")
    return None if (update.target, update.start_time) in succeeded else update
