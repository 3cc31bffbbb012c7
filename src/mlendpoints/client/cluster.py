"""What commands read of a cluster besides the project's kinds: pods and their logs, single objects."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from aiohttp import ClientError as HttpError
from aiohttp import WSMessage, WSMsgType

from mlendpoints.api.meta import GROUP
from mlendpoints.client.channels import Output
from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import ClientError, NotFoundError, UnreachableError
from mlendpoints.client.objects import describe
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import PodFacts, Ref
from mlendpoints.edge.kube.client import Request
from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.kinds import POD, Kind, Watch
from mlendpoints.edge.observe.pods import make_pod_facts

_REVIEW = Kind(
    name="SelfSubjectAccessReview",
    api_version="authorization.k8s.io/v1",
    plural="selfsubjectaccessreviews",
    namespaced=False,
)
QUIET = 3600.0  # seconds for which a log that is followed may have no line


LONGEST_LINE = 32 << 20  # bytes; records have at most 16 MiB


class Cluster:
    """Reads; stores nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def pods(self, labels: str, *, namespace: str = "") -> tuple[PodFacts, ...]:
        """The pods of a label selector by name, as the operator sees them."""
        scope = namespace or self._connection.namespace
        watch = Watch(kind=POD, namespace=scope, label_selector=labels)
        found: list[PodFacts] = []
        async for page in self._connection.pages(watch, Ref(POD.name, scope, "")):
            for item in page.items:
                try:
                    found.append(make_pod_facts(bytes(item))[1])
                except UNREADABLE:
                    continue
        return tuple(sorted(found, key=lambda pod: pod.name))

    async def log(self, pod: str, *, container: str, tail: int = -1, follow: bool = False) -> AsyncGenerator[bytes]:
        """The lines of a container's log, the last ``tail`` of them; with ``follow``, until the container ends."""
        ref = Ref(POD.name, self._connection.namespace, pod)
        options = {"container": container, "follow": str(follow).lower()}
        params = options | ({"tailLines": str(tail)} if tail >= 0 else {})
        path = POD.path(ref.namespace, pod, "log")
        request = Request(verb="get", kind=POD, method="GET", path=path, params=params)
        with self._connection.translating(ref):
            async with aclosing(self._connection.api.lines(request, silence=QUIET)) as lines:
                async for line in lines:
                    yield line

    async def output(self, pod: str, *, container: str, command: Sequence[str]) -> AsyncGenerator[bytes]:
        """The lines that a program writes in a container, until it ends; its stdin ends when the caller stops.

        Raises ``ClientError`` if it fails, or if the connection ends before it.
        """
        ref = Ref(POD.name, self._connection.namespace, pod)
        socket = await self._connection.execute(ref, container, command)
        output, rest = Output(), bytearray()
        try:
            async for message in socket:
                data = output.received(_frame(message))
                if b"\n" not in data:
                    rest += data
                else:
                    *lines, after = (bytes(rest) + data).split(b"\n")
                    rest = bytearray(after)
                    for line in lines:
                        yield line
                if len(rest) > LONGEST_LINE:
                    raise UnreachableError(f"{describe(ref)} wrote a line of more than {LONGEST_LINE} bytes.")
        except (HttpError, OSError) as error:
            raise UnreachableError(f"The connection with {describe(ref)} broke: {error}") from None
        finally:
            await socket.close()
        if output.failure:
            raise ClientError(f"{describe(ref)}, container {container}: {output.failure}")
        if not output.has_ended:
            raise UnreachableError(f"The connection with {describe(ref)} ended before the program in it.")

    async def read(self, path: str, *, kind: str, name: str = "") -> Manifest | None:
        """The JSON at a path of the API; None if there is nothing. ``kind`` and ``name`` are for messages."""
        what = Kind(name=kind, api_version="", plural="")
        try:
            content = await self._connection.send(
                Request(verb="get", kind=what, method="GET", path=path), Ref(kind, "", name)
            )
        except NotFoundError:
            return None
        try:
            return read(content, Manifest)
        except UNREADABLE as error:
            raise UnreachableError(f"The response for {path} is no JSON object: {error}") from None

    async def review(self, verb: str, resource: str) -> Manifest:
        """What the API server says of the user's right to do something in the namespace; it stores nothing."""
        group = "" if resource == "pods" else GROUP
        attributes = {"verb": verb, "resource": resource, "group": group, "namespace": self._connection.namespace}
        body = {
            "apiVersion": f"{_REVIEW.api_version}",
            "kind": _REVIEW.name,
            "spec": {"resourceAttributes": attributes},
        }
        request = Request(verb="create", kind=_REVIEW, method="POST", path=_REVIEW.path(), body=body)
        return read(await self._connection.send(request, Ref(_REVIEW.name, "", "")), Manifest)


def _frame(message: WSMessage) -> bytes:
    if message.type is not WSMsgType.BINARY:
        raise UnreachableError(f"The API server sent no binary frame: {message.data!s:.200}")
    frame: bytes = message.data
    return frame
