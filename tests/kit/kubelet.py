"""A kubelet of one's own behind a real API server: it serves logs, and runs programs where a test says."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from aiohttp import WSMsgType, web
from msgspec import Struct, field

from tests.kit.certificates import signed
from tests.kit.forwarding import serving
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

MERGE = {"Content-Type": "application/merge-patch+json"}
PROTOCOL = "v4.channel.k8s.io"


class Kubelet(Struct):
    """What it serves: logs by pod, and the folder that stands for ``/var/spool/mlendpoints`` in a pod.

    Its pods are those of one namespace, whose name the node has.
    """

    server: SyncClient
    namespace: str
    logs: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)  # exit codes of programs

    def run(self, pod: str, *, container: str, labels: Mapping[str, str]) -> None:
        """A pod on the node, whose container runs."""
        core = f"/api/v1/namespaces/{self.namespace}"
        self.server.ask("POST", f"{core}/serviceaccounts", body={"metadata": {"name": "default"}})
        spec = {"nodeName": self.namespace, "containers": [{"name": container, "image": "registry.example.com/x:1"}]}
        body = {"metadata": {"name": pod, "labels": dict(labels)}, "spec": spec}
        self.server.ask("POST", f"{core}/pods", body=body).raise_for_status()
        state = {"name": container, "ready": True, "restartCount": 0, "image": "x", "imageID": "x", "started": True}
        running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        self.report(pod, {"phase": "Running", "containerStatuses": [{**state, "state": running}]})

    def report(self, pod: str, status: Mapping[str, object]) -> None:
        """Writes a pod's status."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/status"
        self.server.ask("PATCH", path, body={"status": dict(status)}, headers=MERGE).raise_for_status()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._log)
        app.router.add_get("/exec/{namespace}/{pod}/{container}", self._execute)
        return app

    async def _log(self, request: web.Request) -> web.Response:
        return web.Response(body=self.logs[request.match_info["pod"]])

    async def _execute(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=(PROTOCOL,))
        await socket.prepare(request)
        folder = self.folders.get(request.match_info["pod"], Path("/missing"))
        command = [
            str(folder) if word == "/var/spool/mlendpoints" else word for word in request.query.getall("command")
        ]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(sys.executable, *command[1:], **streams)  # type: ignore[arg-type]
        copies = [
            asyncio.create_task(_copy(socket, channel, stream))
            for channel, stream in ((1, process.stdout), (2, process.stderr))
        ]
        leaving = asyncio.create_task(_until_left(socket, process))
        self.ended.append(await process.wait())
        await asyncio.gather(*copies)
        with suppress(ConnectionError):
            status = b'{"status":"Success"}' if process.returncode == 0 else b'{"status":"Failure"}'
            await socket.send_bytes(b"\3" + status)
        leaving.cancel()
        await socket.close()
        return socket


async def _copy(socket: web.WebSocketResponse, channel: int, stream: asyncio.StreamReader | None) -> None:
    assert stream
    with suppress(ConnectionError):
        while data := await stream.read(1 << 15):
            await socket.send_bytes(bytes((channel,)) + data)


async def _until_left(socket: web.WebSocketResponse, process: asyncio.subprocess.Process) -> None:
    """A runtime closes a program's stdin when its caller has left."""
    async for message in socket:
        assert message.type is WSMsgType.BINARY
    assert process.stdin
    process.stdin.close()


@contextmanager
def kubelet(server: SyncClient, namespace: str, kubeconfig: Path, folder: Path) -> Iterator[Kubelet]:
    """A node with a kubelet on this machine."""
    found, loop = Kubelet(server, namespace), asyncio.new_event_loop()
    ready: list[int] = []
    ended = asyncio.Event()
    tls = signed(folder, kubeconfig.parent / "certificates")

    async def serve() -> None:
        async with serving(found.app(), tls) as port:
            await asyncio.to_thread(_add_node, server, namespace, port)
            ready.append(port)
            await ended.wait()

    thread = Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        wait_until(lambda: ready, "the kubelet serves")
        yield found
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
        server.ask("DELETE", f"/api/v1/nodes/{namespace}")


def _add_node(server: SyncClient, name: str, port: int) -> None:
    server.ask("POST", "/api/v1/nodes", body={"metadata": {"name": name}}).raise_for_status()
    address = {"type": "InternalIP", "address": "127.0.0.1"}
    status = {"addresses": [address], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
    server.ask("PATCH", f"/api/v1/nodes/{name}/status", body={"status": status}, headers=MERGE).raise_for_status()
