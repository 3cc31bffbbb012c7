"""The operator as a process of the tests' own, which can be killed. The deployed one rests meanwhile.

Both use the same lease, so that they could never write at the same time. The
dead cannot release it: whoever kills one here deletes the lease, too, since
waiting for its end is the business of other tests.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlendpoints.api.policy import OPERATOR as USER
from mlendpoints.edge.kinds import DEPLOYMENT, LEASE, POD
from tests.apiserver.server import Server
from tests.e2e.objects import image
from tests.e2e.place import ROOT, Place
from tests.e2e.waiting import until

_NAME = "mlendpoints-operator"
_LEADS = b"Lease was acquired"


class Desk:
    """Runs one operator at a time, for one namespace."""

    def __init__(self, *, served: Place, home: Place, environment: dict[str, str], logs: Path) -> None:
        self._home = home
        self._environment = environment | {
            "MLENDPOINTS_NAMESPACES": served.name,
            "MLENDPOINTS_IMPERSONATE": USER,
            "MLENDPOINTS_MODEL_INIT_IMAGE": image("model-init"),
            "MLENDPOINTS_NGINX_IMAGE": image("nginx"),
            "MLENDPOINTS_DRAIN_SECONDS": "1",
            "MLENDPOINTS_ADDRESS": "127.0.0.1",
            "MLENDPOINTS_PORT": "0",
        }
        self._logs = logs
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def start(self) -> None:
        """Starts an operator and waits until it leads."""
        log = self._logs / f"operator-{self.kills}.log"
        command = [sys.executable, "-m", "mlendpoints.edge"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=output, stderr=output)
        until(lambda: _LEADS in log.read_bytes(), "the operator leads", last=log.read_text)

    def kill(self) -> None:
        """SIGKILL; nothing is finished, nothing released."""
        assert self._process is not None, "there is no operator to kill"
        assert self._process.poll() is None, "the operator ended by itself"
        self._process.kill()
        self._process.wait()
        self._process = None
        self.kills += 1
        if self._home.find(LEASE, _NAME) is not None:
            self._home.delete(LEASE, _NAME)

    def close(self) -> None:
        """Leaves no process and no lease."""
        if self._process is not None:
            self.kill()


@contextmanager
def at_rest(server: Server, namespace: str) -> Iterator[Place]:
    """The deployed operator without pods, and as before afterwards."""
    home = Place(server, namespace)
    replicas = home.get(DEPLOYMENT, _NAME)["spec"]["replicas"]
    home.edit(DEPLOYMENT, _NAME, {"replicas": 0})
    try:
        until(lambda: not _pods(home), "the deployed operator has stopped")
        yield home
    finally:
        home.edit(DEPLOYMENT, _NAME, {"replicas": replicas or 1})


def _pods(home: Place) -> list[str]:
    names = (pod["metadata"]["name"] for pod in home.all(POD))
    return [name for name in names if name.startswith(_NAME)]


def environment_of(kubeconfig: Path, gateway: str, *, reachable: bool) -> dict[str, str]:
    """Variables of an operator outside of the cluster; routes are proven by time where pods cannot be asked."""
    proof = {} if reachable else {"MLENDPOINTS_PROOF": "timed", "MLENDPOINTS_PROOF_SECONDS": "3"}
    return dict(os.environ) | {"KUBECONFIG": str(kubeconfig), "MLENDPOINTS_GATEWAY_SERVICE": gateway} | proof
