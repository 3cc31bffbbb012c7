"""One pod of the ingress gateway, asked as a caller outside the mesh asks."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock

import httpx2

from mlendpoints.api.labels import INVOKED_VARIANT_HEADER, TARGET_VARIANT_HEADER
from mlendpoints.edge.kinds import POD, SLICE_SERVICE
from tests.apiserver.server import Server
from tests.e2e.place import ROOT

CALLERS = 16  # at a time
_AGENT = "pilot-agent"  # carries what istiod says to the pod's Envoy
_HOLD = 'kill -STOP "$1"; read -r _; kill -CONT "$1"'  # goes on, too, when whoever should say so has died
_PORT = "http2"  # by this name the gateway's chart calls its port 80


class Gateway:
    """The gateway pod ``namespace``/``pod`` at ``address``, IP:port. Keeps its connections."""

    def __init__(self, namespace: str, pod: str, address: str) -> None:
        self.namespace = namespace
        self.pod = pod
        limits = httpx2.Limits(max_connections=CALLERS, max_keepalive_connections=CALLERS)
        self.address = address
        self._http = httpx2.Client(base_url=f"http://{address}", timeout=90, trust_env=False, limits=limits)

    def invoke(self, host: str, *, variant: str = "", body: str = "{}") -> httpx2.Response:
        """The answer to one invocation, forced to ``variant`` if that is named."""
        forced = {TARGET_VARIANT_HEADER: variant} if variant else {}
        return self._http.post("/invocations", content=body, headers=_headers(host) | forced)

    def stream(self, host: str, *, body: str) -> AbstractContextManager[httpx2.Response]:
        """The answer to one invocation, to be read as it comes."""
        return self._http.stream("POST", "/invocations", content=body, headers=_headers(host))

    def variant(self, host: str, *, variant: str = "", body: str = "{}") -> str:
        """The variant that answered one invocation, which must have succeeded."""
        response = self.invoke(host, variant=variant, body=body)
        assert response.status_code == 200, f"{response.status_code} through {self.address}: {response.text}"
        invoked: str = response.headers[INVOKED_VARIANT_HEADER]
        return invoked

    def close(self) -> None:
        self._http.close()


class ReachableGateways:
    """The serving pods of a gateway's Service, asked for anew each time, by any thread; reachable from here."""

    def __init__(self, server: Server, service: str) -> None:
        self._server = server
        self._namespace, _, self._name = service.partition("/")
        self._known: dict[str, Gateway] = {}
        self._lock = Lock()

    def now(self) -> list[Gateway]:
        """By name of the pod."""
        found = sorted(_pods(self._server, self._namespace, self._name))
        return [self._client(pod, f"{address}:{port}") for pod, address, port in found]

    def close(self) -> None:
        for gateway in self._known.values():
            gateway.close()

    def _client(self, pod: str, address: str) -> Gateway:
        with self._lock:
            if pod not in self._known:
                self._known[pod] = Gateway(self._namespace, pod, address)
            return self._known[pod]


def _headers(host: str) -> dict[str, str]:
    return {"Host": host, "Content-Type": "application/json"}


@contextmanager
def gateways(server: Server, service: str, *, reachable: bool) -> Iterator[list[Gateway]]:
    """Every serving pod of the gateway's Service; by forwarded ports where pods are not ``reachable`` from here."""
    namespace, _, name = service.partition("/")
    found = list(_pods(server, namespace, name))
    with _addresses(namespace, found, reachable=reachable) as addresses:
        clients = [Gateway(namespace, pod[0], address) for pod, address in zip(found, addresses, strict=True)]
        yield clients
        for client in clients:
            client.close()


@contextmanager
def lagging(server: Server, gateway: Gateway) -> Iterator[None]:
    """The pod goes on serving what it knows and hears nothing new. Only on the node itself."""
    uid = server.read(POD.path(gateway.namespace, gateway.pod))["metadata"]["uid"]
    command = ["sh", "-c", _HOLD, "hold", str(_process(uid))]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as hold:
        try:
            yield
        finally:
            hold.communicate(b"\n")


def _process(pod: str) -> int:
    """The id of the agent's process in the pod with that uid."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == _AGENT and pod in (folder / "cgroup").read_text():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no process {_AGENT} of pod {pod}")


def _pods(server: Server, namespace: str, service: str) -> Iterator[tuple[str, str, int]]:
    """Name, address and port of each serving pod."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector={SLICE_SERVICE}%3D{service}"
    for piece in server.read(path)["items"]:
        port = next(port["port"] for port in piece["ports"] if port["name"] == _PORT)
        for endpoint in piece.get("endpoints") or ():
            if endpoint["conditions"].get("ready"):
                yield endpoint["targetRef"]["name"], endpoint["addresses"][0], port


@contextmanager
def _addresses(namespace: str, pods: list[tuple[str, str, int]], *, reachable: bool) -> Iterator[list[str]]:
    if reachable:
        yield [f"{address}:{port}" for _, address, port in pods]
        return
    forwards = [_forward(namespace, pod, port) for pod, _, port in pods]
    try:
        yield [_forwarded(forward) for forward in forwards]
    finally:
        for forward in forwards:
            forward.terminate()
            forward.communicate()


def _forward(namespace: str, pod: str, port: int) -> "subprocess.Popen[str]":
    command = ["hack/on-cluster", "kubectl", "--namespace", namespace, "port-forward", f"pod/{pod}", f":{port}"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _forwarded(forward: "subprocess.Popen[str]") -> str:
    line = forward.stdout.readline() if forward.stdout else ""
    found = re.search(r"127\.0\.0\.1:\d+", line)
    assert found, f"no port was forwarded: {line}"
    return found[0]
