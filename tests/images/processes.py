"""The model server and nginx as real processes, on free ports, and a few words of HTTP to them."""

import http.client
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.kit.model_proxy import entrypoint, put_proxy
from tests.kit.ports import free_port, listens
from tests.kit.waiting import wait_until

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "examples" / "titanic" / "artifacts"
PATIENCE_SECONDS = 30.0
T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A process that listens, and the file its standard output goes to."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path
    monitoring: int = 0

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:  # noqa: ANN401 - http.client's
        """One request on a connection of its own; underscores in header names stand for dashes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            return ask(connection, method, path, body=body, headers=headers)
        finally:
            connection.close()

    def lines(self, *, holding: str) -> list[dict[str, Any]]:
        """Log lines that hold the text; waits for the first."""
        return [json.loads(line) for line in until(lambda: self._holding(holding))]

    def _holding(self, text: str) -> list[str]:
        return [line for line in self.output.read_text().splitlines() if text in line]


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    body: Any = None,  # noqa: ANN401 - http.client's
    headers: Mapping[str, str],
) -> Reply:
    """One request on a connection that stays open."""
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())


def until(look: Callable[[], T | None]) -> T:
    """What is seen, once there is something to see."""
    return wait_until(look, "there is something to see", timeout=PATIENCE_SECONDS, pause=0.01)


@contextmanager
def started(
    command: list[str],
    *,
    port: int,
    monitoring: int = 0,
    output: Path,
    **options: Any,  # noqa: ANN401 - Popen's
) -> Iterator[Running]:
    """The process once it listens on each of its ports; terminated where it still runs."""
    ports = [each for each in (port, monitoring) if each]
    with output.open("wb") as stdout, subprocess.Popen(command, stdout=stdout, **options) as process:
        try:
            until(lambda: all(map(listens, ports)) or process.poll() is not None)
            assert process.poll() is None, output.read_text()
            yield Running(process, port, output, monitoring)
        finally:
            process.terminate()


def unpacked(artifact: str, folder: Path) -> Path:
    """Where an artifact of the example is now unpacked."""
    with tarfile.open(ARTIFACTS / f"{artifact}.tar.gz") as archive:
        archive.extractall(folder / artifact, filter="data")
    return folder / artifact


def model_server(folder: Path, *, artifact: str = "titanic-rfc") -> AbstractContextManager[Running]:
    """The Titanic server over an artifact of the example, unpacked below the folder."""
    port = free_port()
    command = [sys.executable, "-m", "server", "serve", "--model", str(unpacked(artifact, folder)), "--port", str(port)]
    return started(command, port=port, output=folder / "server.log", cwd=ROOT / "images" / "model")


@contextmanager
def nginx(folder: Path, **environment: str) -> Iterator[Running]:
    """nginx by the image's own entry point and template, moved to the folder and to free ports."""
    proxy, monitoring = free_port(), free_port()
    settings = put_proxy(folder, port=proxy, monitoring=monitoring) | environment
    command = ["sh", str(entrypoint(folder))]
    output = folder / "access.log"
    with started(command, port=proxy, monitoring=monitoring, output=output, env=settings) as running:
        yield running
