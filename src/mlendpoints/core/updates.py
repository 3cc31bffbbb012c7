"""The record of an update in an endpoint's status: which phases mean that it has not begun to count, or has ended."""

from mlendpoints.api.endpoint import EndpointStatus, UpdateStatus

REMOVING = "RemovingOld"  # phase: the update has succeeded, what served before is leaving
UNRESOLVED = "ResolvingReferences"  # phase: its deadline begins again when the references are resolved


def running(status: EndpointStatus) -> UpdateStatus | None:
    """The update that has not ended; one that only removes what served before has succeeded."""
    return None if status.update is None or status.update.phase == REMOVING else status.update
