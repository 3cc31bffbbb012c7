"""Connections with a port of a pod, through the API server."""

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
    path = POD.path(namespace, pod, "portforward")
    try:
        socket = await session.ws_connect(
            path.removeprefix("/"),
            params={"ports": str(port)},
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
