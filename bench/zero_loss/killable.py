"""An operator of the benchmark's own, for one namespace, which can be killed in the midst of its work."""

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from msgspec import Struct

from mlendpoints.edge.kube.kinds import LEASE
from tests.kit.client import Client, RequestError
from tests.kit.operator_process import SIDECARS, make_environment
from tests.kit.waiting import poll_until

PROGRAM = (sys.executable, "-m", "mlendpoints.edge")
ROOT = Path(__file__).parents[2]
_LEADS = b"Lease acquired"
_STOP = 30.0  # seconds


class Seat(Struct, frozen=True, kw_only=True):
    """Where operators run: for which namespace, against which cluster and gateway, and where they log."""

    kubeconfig: Path
    namespace: str
    gateway: str
    logs: Path
    program: tuple[str, ...] = PROGRAM


class Operator:
    """At most one process at a time."""

    def __init__(self, client: Client, seat: Seat) -> None:
        self._client = client
        self._seat = seat
        self._process: asyncio.subprocess.Process | None = None
        self._started = 0
        self.kills = 0
        self.drain = 0  # seconds that pods made from now on serve when they leave

    @property
    def is_running(self) -> bool:
        """Whether a process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *, drain: int | None = None) -> None:
        """Starts one and waits until it leads."""
        self.drain = self.drain if drain is None else drain
        self._started += 1
        log = self._seat.logs / f"operator-{self._started}.log"
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._seat.program, cwd=ROOT, env=self._environment(), stdout=output, stderr=output
            )
        await poll_until(partial(_leads, log), "the operator leads", timeout=60)

    async def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing released. The lease goes, too: nobody waits for its end here."""
        process = self._running()
        process.kill()
        await process.wait()
        self.kills += 1
        await self._remove_lease()

    async def stop(self) -> None:
        """SIGTERM, and no lease is left."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), _STOP)
        self._process = None
        await self._remove_lease()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError(f"The operator has ended by itself; its words are in {self._seat.logs}")
        return self._process

    async def _remove_lease(self) -> None:
        self._process = None
        try:
            await self._client.ask("DELETE", LEASE.path(self._seat.namespace, self._seat.namespace))
        except RequestError as error:
            if error.status != 404:
                raise

    def _environment(self) -> dict[str, str]:
        seat = self._seat
        its = {"lease_name": seat.namespace, "retry_attempts": 0, "drain_seconds": self.drain}
        ours = make_environment([seat.namespace], gateway=seat.gateway, **its, **SIDECARS)
        return {**os.environ, "KUBECONFIG": str(seat.kubeconfig), **ours}


async def _leads(log: Path) -> bool:
    return _LEADS in await asyncio.to_thread(log.read_bytes)
