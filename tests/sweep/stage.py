"""What all points share: one control plane, one fleet of fake pods and gateways, one record of the store.

::

    async with stage(kubeconfig) as shared, shared.point("swap") as point, point.operating():
        await point.user.models("forest")
        ...
        await point.record.until(lambda: point.life.rests, "the operator rests")

``point.operating(detour=...)`` puts something of a test's own between operator and API server.
"""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from unittest.mock import patch

from lightkube import KubeConfig
from lightkube.core.exceptions import ConfigError
from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.policy import OPERATOR
from mlendpoints.core.endpoint import plan, view
from mlendpoints.edge.engine import Process
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.session import open_session
from mlendpoints.edge.reconcile.parts import Plans
from mlendpoints.edge.settings import Settings
from tests.kit.client import Client, RequestError, connected
from tests.kit.running_operator import PLANS
from tests.sweep import collector, gateways, store, workloads
from tests.sweep.administrator import Administrator
from tests.sweep.clock import Clock
from tests.sweep.gateways import LAGS, Gateways
from tests.sweep.life import PROCESS, Life, follow_tasks
from tests.sweep.neighbour import Neighbour
from tests.sweep.store import TIMEOUT, Record, Store
from tests.sweep.user import User
from tests.sweep.wire import DIRECT, Cut, Detour, Ledger, Wire
from tests.sweep.workloads import Workloads

MakeGateways = Callable[[], AbstractAsyncContextManager[Gateways]]

LINGER = 1.0  # seconds
_MOMENT = 0.3  # seconds; a watch brings what was written long before


class Connection:
    """How operators reach the API server."""

    def __init__(self, kubeconfig: Path) -> None:
        config = KubeConfig.from_file(str(kubeconfig)).get()
        if config is None:
            raise ConfigError(f"{kubeconfig} has no current context")
        self._config = config

    def api(self, wire: Wire, detour: Detour = DIRECT) -> Api:
        """One operator's API: its requests go through ``wire``, and those and its watches take the detour."""
        return Api(
            open_session(
                self._config, impersonate=OPERATOR, server=detour.server, middlewares=(wire, *detour.middlewares)
            )
        )


class Point:
    """One namespace with its operator's lives, its users and its record."""

    def __init__(self, stage: "Stage", record: Record, beside: "Beside") -> None:
        self.stage = stage
        self.record = record
        self.gateways = beside.gateways
        self.ledger = Ledger()
        self.clock = Clock()
        self.user = User(client=stage.client, record=record, workloads=stage.workloads, clock=self.clock)
        self.user.neighbour, self.user.outage = beside.neighbour, self.outage
        self.administrator = Administrator(client=stage.client, gateways=beside.gateways, outage=self.outage)
        if beside.gateways is not stage.gateways:
            self.user.administrator = self.administrator
        self.lives = 0
        self._logs: list[list[str]] = []
        self._acts_before = 0
        self._may_live = asyncio.Event()
        self._may_live.set()
        self.life: Life | None = None

    @property
    def namespace(self) -> str:
        return self.record.namespace

    @property
    def watched(self) -> tuple[str, ...]:
        """The namespaces that the operator watches."""
        neighbour = self.user.neighbour
        return (self.namespace,) if neighbour is None else (self.namespace, neighbour.namespace)

    @property
    def rests(self) -> bool:
        """Whether an operator leads, has nothing to do, and has seen all that stands; and whether the fakes rest."""
        life, record = self.life, self.record
        if life is None or not life.rests or not self.stage.workloads.rests(self.namespace):
            return False
        ours = (call for call in self.ledger.everything if call.namespace == self.namespace)
        written = all(call.revision <= record.newest.get(call.kind, 0) for call in ours)
        return written and life.has_seen(record.newest, self.namespace)

    @property
    def bugs(self) -> list[str]:
        """What operators have logged as such."""
        return [line for log in self._logs for line in log if "Unexpected error" in line and "Traceback" in line]

    def arm(self, cut: Cut | None = None) -> None:
        """From now on calls and acts count, and the operator dies at ``cut``."""
        self._acts_before = len(self.user.acts)
        self.ledger.arm(cut)

    @property
    def acts(self) -> list[int]:
        """Revisions of what users wrote since ``arm``."""
        return self.user.acts[self._acts_before :]

    async def settled(self, is_the_end: Callable[[], bool] = lambda: True, *, patience: float = TIMEOUT) -> None:
        """Waits until the operator rests at the end and nothing has happened for a moment; raises ``TimeoutError``."""
        last: tuple[int, int] | None = None
        while True:
            await self.record.until(
                lambda: self.rests and self.record.is_collected and is_the_end(),
                "it rests at its end",
                patience=patience,
            )
            now = (len(self.ledger.everything), len(self.record.changes))
            if now == last:
                return
            last = now
            await asyncio.sleep(_MOMENT)

    @asynccontextmanager
    async def operating(
        self, *, plans: Plans = PLANS, detour: Detour = DIRECT, process: Process = PROCESS
    ) -> AsyncIterator[None]:
        """An operator at work that is restarted whenever it is killed; returns when the first one leads."""

        def live() -> Life:
            return self._live(self.ledger, plans=plans, detour=detour, process=process)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._supervise(live))
            await self.record.until(lambda: self.life is not None and self.life.leads, "an operator leads")
            yield
            task.cancel()

    @asynccontextmanager
    async def beside(self, ledger: Ledger, *, detour: Detour, process: Process) -> AsyncIterator[Life]:
        """Another operator of the same objects, with a ledger of its own."""
        life = self._live(ledger, plans=PLANS, detour=detour, process=process)
        try:
            yield life
        finally:
            await life.kill()

    def _live(self, ledger: Ledger, *, plans: Plans, detour: Detour, process: Process) -> Life:
        wire = Wire(ledger)
        api = self.stage.connection.api(wire, detour)
        settings = replace(_settings(self.watched, self.gateways.service), **self.administrator.settings)
        process = replace(process, status_clock=self.clock)
        life = Life(settings=settings, plans=plans, api=api, wire=wire, process=process)
        self._logs.append(life.log)
        return life

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """No operator lives within."""
        self._may_live.clear()
        if self.life is not None:
            self.life.wire.killed.set()
        try:
            yield
        finally:
            self._may_live.set()

    async def _supervise(self, live: Callable[[], Life]) -> None:
        while True:
            await self._may_live.wait()
            self.life, self.lives = live(), self.lives + 1
            try:
                await self.life.ended()
            finally:
                await self.life.kill()


class Beside(Struct, frozen=True, kw_only=True):
    """What a point has around it, shared or its own."""

    gateways: Gateways
    neighbour: Neighbour | None


class Stage:
    """What points are made on."""

    def __init__(
        self,
        clients: tuple[Client, Client],
        connection: Connection,
        seen: Store,
        fleet: tuple[Workloads, Gateways, MakeGateways],
    ) -> None:
        self.client, self._operator = clients
        self.connection = connection
        self.store = seen
        self.workloads, self.gateways, self._make_gateways = fleet
        self._numbers = itertools.count(1)
        self._run = ""

    @asynccontextmanager
    async def point(self, name: str, *, neighbour: bool = False, administrator: bool = False) -> AsyncIterator[Point]:
        """A fresh namespace, recorded from before its creation.

        If so asked, with a neighbour, of whom nothing is; or with gateway pods of its own, for an administrator.
        """
        record = await self._open(name)
        try:
            async with AsyncExitStack() as stack:
                beside = await stack.enter_async_context(self._neighbour(record)) if neighbour else None
                fleet = await stack.enter_async_context(self._make_gateways()) if administrator else self.gateways
                yield Point(self, record, Beside(gateways=fleet, neighbour=beside))
        finally:
            self.store.close(record.namespace)
            self.workloads.forget(record.namespace)
            self.gateways.forget(record.namespace)

    @asynccontextmanager
    async def _neighbour(self, record: Record) -> AsyncIterator[Neighbour]:
        namespace = f"{record.namespace}-neighbour"
        neighbour = Neighbour(client=self.client, operator=self._operator, namespace=namespace)
        await neighbour.move_in()
        try:
            yield neighbour
        finally:
            await neighbour.move_out()

    async def _open(self, name: str) -> Record:
        while True:
            namespace = f"{name}-{next(self._numbers)}"
            record = self.store.open(namespace)
            with suppress(RequestError):  # a run before this one has left it
                await self.client.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
                return record
            self.store.close(namespace)


@asynccontextmanager
async def stage(kubeconfig: Path, *, lags: Mapping[str, float] = LAGS, start: float = 0.0) -> AsyncIterator[Stage]:
    """Everything below operators, on a control plane that knows the project's kinds and runs garbage collection.

    ``lags``: seconds by name of gateway pod; ``start``: seconds that a pod takes to be ready.
    """
    follow_tasks()
    with tempfile.TemporaryDirectory() as files, _short_patience_with_dead_nodes():
        async with _stage(kubeconfig, lags=lags, start=start, files=Path(files)) as shared:
            yield shared


@asynccontextmanager
async def _stage(kubeconfig: Path, *, lags: Mapping[str, float], start: float, files: Path) -> AsyncIterator[Stage]:
    async with (
        connected(kubeconfig) as client,
        connected(kubeconfig, user=OPERATOR) as operator,
        store.following(client) as seen,
        workloads.working(client, seen, start=start) as pods,
        gateways.serving(client, seen, lags, files=files) as fleet,
    ):
        await collector.until_it_knows_the_kinds(client)
        make_gateways = partial(gateways.serving, client, seen, lags, files=files)
        yield Stage((client, operator), Connection(kubeconfig), seen, (pods, fleet, make_gateways))


@contextmanager
def _short_patience_with_dead_nodes() -> Iterator[None]:
    """A gateway pod that leaves and does not serve counts for a moment, in place of a minute."""
    with patch.object(view, "LINGER", LINGER), patch.object(plan, "LINGER", LINGER):
        yield


def _settings(namespaces: tuple[str, ...], gateway_service: str) -> Settings:
    return Settings(
        namespaces=namespaces,
        gateway_service=gateway_service,
        lease_namespace=namespaces[0],
        address="127.0.0.1",
        port=0,
        workers=4,
    )
