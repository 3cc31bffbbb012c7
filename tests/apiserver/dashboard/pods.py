"""Pods whose metrics the API server can read: all have this machine's address, and one server answers for them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.monitoring import METRICS_PORT
from tests.kit.fake_gateway import own_address
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


class Load(Struct, frozen=True, kw_only=True):
    """What a pod has counted per second."""

    rate: float
    errors: float = 0.0
    within: tuple[float, ...] = (0.1, 0.45, 0.8, 0.985, 0.995, 1.0)  # shares of requests, by ``_BOUNDS``

    def metrics(self, seconds: float) -> str:
        """Its metrics after so long."""
        count = {"200": (self.rate - self.errors) * seconds, "500": self.errors * seconds}
        lines = [f'mlendpoints_requests_total{{code="{code}"}} {n}' for code, n in count.items()]
        for bound, share in (*zip(_BOUNDS, self.within, strict=True), ("+Inf", 1.0)):
            name = f'mlendpoints_request_duration_seconds_bucket{{le="{bound}"}}'
            lines.append(f"{name} {share * self.rate * seconds}")
        return "\n".join(["# Metrics of a pod", *lines, ""])


@contextmanager
def metrics_of(pods: Mapping[str, Load | str]) -> Iterator[None]:
    """Serves the metrics of pods by their names; a text is answered as it is."""
    began = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pod = self.headers["X-Forwarded-Uri"].split("/pods/")[1].split(":")[0]
            found = pods[pod]
            text = found if isinstance(found, str) else found.metrics(time.monotonic() - began)
            self.send_response(302 if text.startswith("/") else 200)
            self.send_header("Location", text[:100].splitlines()[0])
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    def listen() -> ThreadingHTTPServer | None:
        with suppress(OSError):
            return ThreadingHTTPServer((own_address(), METRICS_PORT), Handler)
        return None

    with wait_until(listen, f"no other test uses port {METRICS_PORT}") as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def create_pod(server: SyncClient, namespace: str, name: str, *, instance: str) -> None:
    """A running pod of an instance of the endpoint titanic."""
    core = f"/api/v1/namespaces/{namespace}"
    server.ask("POST", f"{core}/serviceaccounts", body={"metadata": {"name": "default"}})
    path = f"{core}/pods"
    names = {labels.ENDPOINT: "titanic", labels.INSTANCE: instance, labels.MANAGED_BY: labels.MANAGER}
    container = {"name": "nginx", "image": "registry.example.com/nginx:1"}
    pod = {"metadata": {"name": name, "labels": names}, "spec": {"containers": [container]}}
    server.ask("POST", path, body=pod).raise_for_status()
    address = own_address()
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    media = {"Content-Type": "application/merge-patch+json"}
    server.ask("PATCH", f"{path}/{name}/status", body={"status": status}, headers=media).raise_for_status()
