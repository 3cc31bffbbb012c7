"""Operators as processes of the tests' own, which can be killed. The deployed one rests where it would serve the same.

Each has a lease of its own, in the first namespace that it serves. The dead
cannot release it: whoever kills one here deletes the lease, too, since waiting
for its end is the business of other tests.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from mlendpoints.edge.kube.kinds import DEPLOYMENT, LEASE, POD
from tests.e2e.namespace import ROLE_BINDING, ROOT, Namespace
from tests.kit.installed_operator import NAME, NAMESPACE, serves
from tests.kit.operator_process import SIDECARS, make_bindings, make_environment, variables
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

PROGRAM = ("-m", "mlendpoints.edge")
_LEADS = b"Lease acquired"


class OperatorProcess:
    """Runs one operator at a time, for the namespaces ``served``; ``program`` is what Python is told to run."""

    def __init__(
        self, *, served: Sequence[Namespace], environment: dict[str, str], logs: Path, program: Sequence[str] = PROGRAM
    ) -> None:
        self._home = served[0]
        self._served = served
        gateway = environment["MLENDPOINTS_GATEWAY_SERVICE"]
        self._gateway = Namespace(self._home.server, gateway.partition("/")[0])
        ours = make_environment([namespace.name for namespace in served], gateway=gateway)
        self._environment = {**variables(drain_seconds=1, **SIDECARS), **environment, **ours}
        self._command = [sys.executable, *program]
        self._logs = logs
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0
        self._bind()

    def start(self, **settings: str) -> None:
        """Starts an operator, with these settings from now on, and waits until it leads."""
        self._environment |= variables(**settings)
        log = self._logs / f"{self._home.name}-{self.kills}.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=output, stderr=output
            )
        wait_until(lambda: _LEADS in log.read_bytes(), "the operator leads", last=log.read_text)

    def kill(self) -> None:
        """SIGKILL; nothing is finished, nothing released."""
        assert self._process is not None, "there is no operator to kill"
        assert self._process.poll() is None, "the operator ended by itself"
        self._process.kill()
        self._process.wait()
        self._process = None
        self.kills += 1
        if self._home.find(LEASE, NAME) is not None:
            self._home.delete(LEASE, NAME)

    def close(self) -> None:
        """Leaves no process, no lease, and no rights in the gateway's namespace."""
        if self._process is not None:
            self.kill()
        for namespace in self._served:
            self._gateway.delete(ROLE_BINDING, namespace.name)

    def _bind(self) -> None:
        """The rights that it has anyway where the deployed one serves all namespaces, and those on its lease."""
        for namespace in self._served:
            for where, binding in make_bindings(namespace.name, self._gateway.name):
                Namespace(namespace.server, where).apply(binding)


def is_deployed(server: SyncClient) -> bool:
    """Whether an operator is installed in the cluster."""
    return Namespace(server, NAMESPACE).find(DEPLOYMENT, NAME) is not None


def deployed_is_ready(server: SyncClient) -> bool:
    """Whether all of the deployed operator's pods are ready and of its last revision."""
    deployment = Namespace(server, NAMESPACE).get(DEPLOYMENT, NAME)
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    observed = status.get("observedGeneration") == deployment["metadata"]["generation"]
    counts = {status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas")}
    return bool(observed and wanted and counts == {wanted})


@contextmanager
def an_operator(
    server: SyncClient,
    served: Sequence[Namespace],
    *,
    environment: dict[str, str],
    logs: Path,
    program: Sequence[str] = PROGRAM,
) -> Iterator[OperatorProcess]:
    """An operator for these namespaces, not started yet. The deployed one rests if it would serve one."""
    with (
        at_rest(server, served),
        closing(OperatorProcess(served=served, environment=environment, logs=logs, program=program)) as operator,
    ):
        yield operator


@contextmanager
def at_rest(server: SyncClient, served: Iterable[Namespace]) -> Iterator[None]:
    """The deployed operator without pods, if it would serve one of these namespaces; as before afterwards."""
    home = Namespace(server, NAMESPACE)
    deployed = home.get(DEPLOYMENT, NAME)
    if not any(serves(deployed, namespace.name) for namespace in served):
        yield
        return
    replicas = deployed["spec"]["replicas"]
    home.edit(DEPLOYMENT, NAME, {"replicas": 0})
    try:
        wait_until(lambda: not _pods(home), "the deployed operator has stopped")
        yield
    finally:
        home.edit(DEPLOYMENT, NAME, {"replicas": replicas or 1})
        wait_until(lambda: deployed_is_ready(server), "the deployed operator is back")


def _pods(home: Namespace) -> list[str]:
    names = (pod["metadata"]["name"] for pod in home.all(POD))
    return [name for name in names if name.startswith(NAME)]


def environment_of(kubeconfig: Path, gateway: str, *, reachable: bool) -> dict[str, str]:
    """Variables of an operator outside of the cluster; routes are proven by time where pods cannot be asked.

    That time stays what it is by default, longer than istiod may debounce: other tests make it do so.
    """
    proof = {} if reachable else {"MLENDPOINTS_PROOF": "timed"}
    return dict(os.environ) | {"KUBECONFIG": str(kubeconfig), "MLENDPOINTS_GATEWAY_SERVICE": gateway} | proof
