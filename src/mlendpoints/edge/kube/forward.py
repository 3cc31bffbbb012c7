"""Connections with pods through the API server: with a port, or with a program that is started in a container."""

from collections.abc import Sequence

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSServerHandshakeError

from mlendpoints.edge.kube.errors import Status, UnavailableError, make_error
from mlendpoints.edge.kube.kinds import POD
from mlendpoints.edge.kube.session import cause

PROTOCOL = "v4.channel.k8s.io"
_LARGEST = 1 << 20  # bytes of a frame; kubelets send at most 32 KiB


async def forward(session: ClientSession, *, namespace: str, pod: str, port: int) -> ClientWebSocketResponse:
    """A WebSocket that speaks ``PROTOCOL``; raises one of ``errors``. Needs the right to get ``pods/portforward``.

    Since Kubernetes 1.35 also the right to create it (KEP-4006).
    """
    return await _connect(session, POD.path(namespace, pod, "portforward"), [("ports", str(port))])


async def execute(
    session: ClientSession, *, namespace: str, pod: str, container: str, command: Sequence[str]
) -> ClientWebSocketResponse:
    """The same with the program's stdin, stdout and stderr; needs the rights to get and to create ``pods/exec``."""
    streams = [(name, "true") for name in ("stdin", "stdout", "stderr")]
    params = [("container", container), *streams, *(("command", word) for word in command)]
    return await _connect(session, POD.path(namespace, pod, "exec"), params)


async def _connect(session: ClientSession, path: str, params: Sequence[tuple[str, str]]) -> ClientWebSocketResponse:
    try:
        socket = await session.ws_connect(
            path.removeprefix("/"),
            params=params,
            headers={"Accept": "*/*"},  # the response is no JSON: 406 else
            protocols=(PROTOCOL,),
            max_msg_size=_LARGEST,
        )
    except WSServerHandshakeError as error:
        raise make_error(Status(error.status, message=f"{path}: the response is {error.status}")) from None
    except (ClientError, OSError) as error:
        raise UnavailableError(f"{path}: {cause(error)}") from error
    if socket.protocol != PROTOCOL:
        await socket.close()
        raise UnavailableError(f"{path}: the API server does not speak {PROTOCOL}")
    return socket
