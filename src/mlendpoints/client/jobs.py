"""Jobs of users: replays and exports."""

from contextlib import suppress
from typing import Literal

from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import NotFoundError
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Request
from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.kinds import JOB

State = Literal["Running", "Complete", "Failed"]


class Jobs:
    """The Jobs of the client's namespace."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, manifest: Manifest) -> None:
        """Creates a Job; raises a ``ClientError``."""
        ref = Ref(JOB.name, self._connection.namespace, manifest["metadata"]["name"])
        path = JOB.path(ref.namespace)
        request = Request(verb="create", kind=JOB, method="POST", path=path, body=manifest)
        await self._connection.send(request, ref)

    async def delete(self, name: str) -> None:
        """Deletes a Job with its pods, if it exists; raises a ``ClientError``."""
        ref = Ref(JOB.name, self._connection.namespace, name)
        path, options = JOB.path(ref.namespace, name), {"propagationPolicy": "Background"}
        with suppress(NotFoundError):
            await self._connection.send(Request(verb="delete", kind=JOB, method="DELETE", path=path, body=options), ref)

    async def state(self, name: str) -> tuple[State, str]:
        """Whether a Job has ended, and how, with the Job controller's message."""
        ref = Ref(JOB.name, self._connection.namespace, name)
        request = Request(verb="get", kind=JOB, method="GET", path=JOB.path(ref.namespace, name))
        found = read(await self._connection.send(request, ref), Manifest)
        for condition in (found.get("status") or {}).get("conditions") or ():
            if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
                return condition["type"], str(condition.get("message", ""))
        return "Running", ""
