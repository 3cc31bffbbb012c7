"""A server between the command and the API server that records each request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import yaml

from tests.kit.sync_client import SyncClient

_KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "recorded",
    "contexts": [{"name": "recorded", "context": {"cluster": "recorded", "user": "recorded"}}],
    "users": [{"name": "recorded", "user": {}}],
}


class _Handler(BaseHTTPRequestHandler):
    upstream: ClassVar[SyncClient]
    seen: ClassVar[list[str]]

    def _forward(self) -> None:
        self.seen.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        answer = self.upstream.http.request(self.command, self.path, content=body, headers=headers)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815 - http.server's names

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@contextmanager
def recorded(server: SyncClient, folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A kubeconfig whose requests are recorded, and the record: method and path of each."""
    seen: list[str] = []
    handler = type("Handler", (_Handler,), {"upstream": server, "seen": seen})
    listener = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    cluster = {"name": "recorded", "cluster": {"server": f"http://127.0.0.1:{listener.server_port}"}}
    path = folder / "recorded"
    path.write_text(yaml.safe_dump(_KUBECONFIG | {"clusters": [cluster]}))
    try:
        yield path, seen
    finally:
        listener.shutdown()
        listener.server_close()
