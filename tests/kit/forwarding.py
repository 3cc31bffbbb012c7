"""An API server that forwards ports: of the API only what the client reads, of kubelets their protocol over WebSockets.

Behind it is a gateway, which no client can reach otherwise.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

import yaml
from aiohttp import WSMsgType, web

from mlendpoints.client import AsyncMLOpsClient

NAMESPACE, SERVICE, POD = "istio-ingress", "istio-ingressgateway", "gateway-1"
PORT = 8080  # of the pod, where the Service has 80 or 443
HOST = "titanic.example.invalid"  # resolves nowhere
Kubelet = Callable[[web.WebSocketResponse], Awaitable[None]]


def confirmations(port: int = PORT) -> list[bytes]:
    """The first frames of the two channels."""
    return [bytes((channel,)) + port.to_bytes(2, "little") for channel in (0, 1)]


class Stage:
    """What happens behind the API server; ``kubelet`` replaces an honest one, ``status`` the handshake."""

    def __init__(self, *, scheme: str = "http", kubelet: Kubelet | None = None, status: int = 101) -> None:
        self.scheme = scheme
        self.status = status
        self.addresses: list[str] = []
        self.pods = [POD]
        self.forwards: list[tuple[str, str]] = []  # pod, port
        self.bodies: list[bytes] = []  # that the gateway has got
        self.gateway_port = 0
        self.kubelet = kubelet or self.carry

    def api(self) -> web.Application:
        """The API server."""
        app = web.Application()
        core, group = f"/api/v1/namespaces/{NAMESPACE}", "/apis/mlendpoints.dev/v1alpha1/namespaces/{namespace}"
        app.router.add_get(f"{group}/machinelearningendpoints/{{name}}", self._endpoint)
        app.router.add_get(f"{core}/services/{SERVICE}", self._service)
        app.router.add_get(f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices", self._slices)
        app.router.add_get(f"{core}/pods/{{pod}}/portforward", self._forward)
        return app

    def node(self) -> web.Application:
        """The kubelet alone, for a real API server."""
        app = web.Application()
        app.router.add_get("/portForward/{namespace}/{pod}", self._forward)
        return app

    def gateway(self) -> web.Application:
        """What the port is forwarded to."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/invocations", self._invoked)
        return app

    async def _endpoint(self, request: web.Request) -> web.Response:
        del request
        endpoint = {"metadata": {"name": "titanic", "namespace": "titanic"}, "spec": {"config": "titanic"}}
        return web.json_response(endpoint | {"status": {"url": f"{self.scheme}://{HOST}"}})

    async def _service(self, request: web.Request) -> web.Response:
        del request
        ports = [{"name": "http2", "port": 80}, {"name": "https", "port": 443}]
        spec = {"clusterIP": "None", "externalIPs": self.addresses, "ports": ports}
        return web.json_response({"spec": spec})

    async def _slices(self, request: web.Request) -> web.Response:
        assert request.query["labelSelector"] == f"kubernetes.io/service-name={SERVICE}"
        ready = [{"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": name}} for name in self.pods]
        gone = {"conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "starting"}}
        name = "https" if self.scheme == "https" else "http2"
        ports = [{"name": name, "port": PORT}, {"name": "status", "port": 15021}]
        return web.json_response({"metadata": {}, "items": [{"endpoints": [*ready, gone], "ports": ports}, "?"]})

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        pod = request.match_info["pod"]
        port = request.query["port" if request.path.startswith("/portForward/") else "ports"]
        self.forwards.append((pod, port))
        if request.headers.getall("Accept") != ["*/*"]:
            return web.Response(status=406)  # as a kubelet behind a real API server
        if self.status != 101 or pod != POD:
            return web.Response(status=self.status if pod == POD else 404)
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        await self.kubelet(socket)
        await socket.close()
        return socket

    async def carry(self, socket: web.WebSocketResponse) -> None:
        """Between the client and the gateway, as a kubelet does it."""
        for frame in confirmations():
            await socket.send_bytes(frame)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway_port)
        back = asyncio.create_task(_to_client(reader, socket))
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            assert message.data[0] == 0
            writer.write(message.data[1:])
            await writer.drain()
        back.cancel()
        writer.close()

    async def _invoked(self, request: web.Request) -> web.Response:
        """The gateway's response to a prediction."""
        assert request.headers["Host"] == HOST
        body = await request.read()
        self.bodies.append(body)
        return web.Response(body=body, headers={"x-mlendpoints-invoked-variant": "blue"})


async def _to_client(reader: asyncio.StreamReader, socket: web.WebSocketResponse) -> None:
    while data := await reader.read(1 << 15):
        await socket.send_bytes(b"\0" + data)
    await socket.close()


@asynccontextmanager
async def serving(app: web.Application, tls: SSLContext | None = None) -> AsyncIterator[int]:
    """The port at which an application is served."""
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_client(
    stage: Stage, folder: Path, *, tls: SSLContext | None = None, port_forward: bool | None = None
) -> AsyncIterator[AsyncMLOpsClient]:
    """A client of the stage's API server."""
    async with serving(stage.gateway(), tls) as stage.gateway_port, serving(stage.api()) as port:
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(_kubeconfig(f"http://127.0.0.1:{port}")))
        async with AsyncMLOpsClient(kubeconfig=path, namespace="titanic", port_forward=port_forward) as client:
            yield client


def _kubeconfig(server: str) -> dict[str, Any]:
    return {
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
        "current-context": "it",
    }
