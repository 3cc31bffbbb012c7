"""One pod of the ingress gateway, asked as a caller outside the mesh asks."""

import re
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

import httpx2

from mlendpoints.api.labels import INVOKED_VARIANT_HEADER, TARGET_VARIANT_HEADER
from mlendpoints.edge.kube.kinds import POD, SLICE_SERVICE
from tests.e2e.namespace import ROOT
from tests.e2e.node import held, process_of
from tests.kit.sync_client import SyncClient

CALLERS = 16  # threads of one test
SECONDS = 90  # for an answer
_AGENT = "pilot-agent"  # carries what istiod says to the pod's Envoy
_PORT = "http2"  # by this name the gateway's chart calls its port 80


class Gateway:
    """The gateway pod ``namespace``/``pod`` at ``address``, IP:port. Keeps its connections."""

    def __init__(self, namespace: str, pod: str, address: str) -> None:
        self.namespace = namespace
        self.pod = pod
        limits = httpx2.Limits()  # tests share it: none may wait for another's answers
        self.address = address
        self._http = httpx2.Client(base_url=f"http://{address}", timeout=SECONDS, trust_env=False, limits=limits)

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

    def raw(self, request: bytes, *, until: bytes) -> bytes:
        """What comes back on a connection of its own, byte for byte, until it ends so or the connection is closed."""
        host, _, port = self.address.rpartition(":")
        answer = b""
        with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
            connection.sendall(request)
            while not answer.endswith(until) and (more := connection.recv(1 << 16)):
                answer += more
        return answer

    def close(self) -> None:
        self._http.close()


class Gateways:
    """The serving pods of a gateway's Service, requested each time, by any thread.

    By forwarded ports where pods are not ``reachable`` from here.
    """

    def __init__(self, server: SyncClient, service: str, *, reachable: bool) -> None:
        self._server = server
        self._namespace, _, self._name = service.partition("/")
        self._reachable = reachable
        self._known: dict[str, Gateway] = {}
        self._forwards: list[subprocess.Popen[str]] = []
        self._lock = Lock()
        self._most = 0

    def now(self) -> list[Gateway]:
        """By name of the pod."""
        found = sorted(_pods(self._server, self._namespace, self._name))
        return [self._client(*pod) for pod in found]

    def whole(self) -> list[Gateway]:
        """The same; none while there are fewer than there were once, as when one has been replaced."""
        found = self.now()
        self._most = max(self._most, len(found))
        return found if len(found) == self._most else []

    def close(self) -> None:
        for gateway in self._known.values():
            gateway.close()
        for forward in self._forwards:
            forward.terminate()
            forward.communicate()

    def _client(self, pod: str, address: str, port: int) -> Gateway:
        with self._lock:
            if pod not in self._known:
                reached = f"{address}:{port}" if self._reachable else self._forwarded(pod, port)
                self._known[pod] = Gateway(self._namespace, pod, reached)
            return self._known[pod]

    def _forwarded(self, pod: str, port: int) -> str:
        command = ["hack/on-cluster", "kubectl", "-n", self._namespace, "port-forward", f"pod/{pod}", f":{port}"]
        forward = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._forwards.append(forward)
        line = forward.stdout.readline() if forward.stdout else ""
        found = re.search(r"127\.0\.0\.1:\d+", line)
        assert found, f"no port was forwarded: {line}"
        return found[0]


def _headers(host: str) -> dict[str, str]:
    return {"Host": host, "Content-Type": "application/json"}


def statuses(gateways: Iterable[Gateway], host: str, *, body: str = "{}") -> set[int]:
    """The status codes of one invocation through each gateway pod."""
    return {gateway.invoke(host, body=body).status_code for gateway in gateways}


@contextmanager
def lagging(server: SyncClient, gateway: Gateway) -> Iterator[None]:
    """The pod goes on serving what it knows and hears nothing new. Only on the node itself."""
    uid = server.read(POD.path(gateway.namespace, gateway.pod))["metadata"]["uid"]
    with held(process_of(uid, _AGENT)):
        yield


def _pods(server: SyncClient, namespace: str, service: str) -> Iterator[tuple[str, str, int]]:
    """Name, address and port of each serving pod."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector={SLICE_SERVICE}%3D{service}"
    for piece in server.read(path)["items"]:
        port = next(port["port"] for port in piece["ports"] if port["name"] == _PORT)
        for endpoint in piece.get("endpoints") or ():
            if endpoint["conditions"].get("ready"):
                yield endpoint["targetRef"]["name"], endpoint["addresses"][0], port
