"""A model, its proxy, and the recorder between them, with the spool of all."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any

from tests.images.captured import NAMES, SETTINGS, Pod
from tests.images.echo import echo
from tests.images.processes import ROOT, nginx, until

MISSED = 6.0  # seconds after which a request counts as missed
ATTEMPTS = 5
AS_IN_A_POD = ("setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all,+net_raw")
"""What a container has that is root, with one capability and without privilege escalation."""


@dataclass(frozen=True)
class Recorded(Pod):
    """The pod, with the process of the recorder."""

    recorder: "subprocess.Popen[bytes]"

    def results(self) -> dict[str, int]:
        """What the recorder says of the requests that it has seen, in files."""
        try:
            found: dict[str, int] = json.loads((self.spool / ".recorder.json").read_text())["results"]
        except OSError:
            return {}
        return found

    def send(self, body: bytes, path: str = "/invocations", **headers: str) -> None:
        """A request that gor has seen: what it misses (docs/adr/0079) is sent again."""
        before = sum(self.results().values())

        def is_seen() -> bool:
            return sum(self.results().values()) > before

        for _ in range(ATTEMPTS):
            assert self.proxy.ask("POST", path, body, **headers).status == HTTPStatus.OK
            end = monotonic() + MISSED
            while monotonic() < end:
                if is_seen():
                    return
                sleep(0.02)
        raise AssertionError(f"gor has seen none of {ATTEMPTS} requests")

    def lines(self) -> list[Any]:
        """All records in the spool."""
        return [json.loads(line) for file in self.files() for line in file.read_bytes().split(b"\n")[:-1]]

    def wait_for(self, count: int) -> list[Any]:
        """The records, once there are so many."""
        until(lambda: len(self.lines()) >= count)
        return self.lines()


def capture(folder: Path, /, **settings: Any) -> str:  # noqa: ANN401 - JSON
    """The variable of both engines."""
    return json.dumps(SETTINGS | {"folder": str(folder), "names": NAMES} | settings)


@contextmanager
def recording(folder: Path, /, gor: str, port: int, **settings: Any) -> Iterator["subprocess.Popen[bytes]"]:  # noqa: ANN401
    """The recorder, once it reads packets, until the block ends."""
    scratch = folder.parent / "recorder"
    scratch.mkdir(exist_ok=True)
    environment = os.environ | {
        "CAPTURE": capture(folder, **settings),
        "MODEL_PORT": str(port),
        "GOR": gor,
        "TMPDIR": str(scratch),
        "PYTHONPATH": str(ROOT),
    }
    command = [*AS_IN_A_POD, sys.executable, "-m", "recorder"]
    with subprocess.Popen(command, env=environment, cwd=scratch) as process:
        try:
            until(lambda: reads_packets(process.pid))
            yield process
        finally:
            process.terminate()


def reads_packets(recorder: int) -> bool:
    """Whether a child of the process has a socket that is bound to an interface."""
    try:
        children = Path(f"/proc/{recorder}/task/{recorder}/children").read_text().split()
        own = {path.readlink().name for child in children for path in Path(f"/proc/{child}/fd").iterdir()}
    except OSError:  # it has just begun, or closes a file
        return False
    rows = (line.split() for line in Path("/proc/net/packet").read_text().splitlines()[1:])
    return any(f"socket:[{row[-1]}]" in own and row[4] != "0" for row in rows)


@contextmanager
def recorded(
    folder: Path,
    /,
    gor: str,
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,  # noqa: ANN401
) -> Iterator[Recorded]:
    """All three, until the block ends; nginx exposes the recorder's account."""
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    account = {"CAPTURE_ACCOUNT": json.dumps({"engine": "gor", "folder": str(spool)})}
    with (
        echo() as model,
        nginx(folder, **({"MODEL_PORT": str(model.port)} | account | dict(environment))) as proxy,
        recording(spool, gor, model.port, **settings) as process,
    ):
        yield Recorded(model, proxy, spool, process)
