"""One life of an operator inside this process: the real one, with empty caches, killed without a farewell."""

import asyncio
import gc
import warnings
from collections.abc import Callable, Coroutine, Generator, Mapping, MutableMapping
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

import structlog

from mlendpoints.core.world import Ref
from mlendpoints.edge.engine import Process
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, MODEL, Watch
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.operator import Operator
from mlendpoints.edge.reconcile.parts import Plans
from mlendpoints.edge.settings import Settings
from tests.sweep.wire import Wire

T = TypeVar("T")

SOON = 5.0  # seconds: what is planned for later than that counts as rest
PROCESS = Process(identity="sweep")  # the same for each life, so that it finds its lease its own

_LIFE: ContextVar["Life"] = ContextVar("life")


class Life:
    """An operator at work, and all tasks that it has begun."""

    def __init__(self, *, settings: Settings, plans: Plans, api: Api, wire: Wire, process: Process = PROCESS) -> None:
        self.wire = wire
        self.operator = Operator(settings=settings, plans=plans, process=process, api=api, metrics=Metrics())
        self.tasks: set[asyncio.Task[Any]] = set()
        self.log: list[str] = []
        context = copy_context()
        context.run(_LIFE.set, self)
        self._main = asyncio.get_running_loop().create_task(self.operator.run(), context=context)

    async def ended(self) -> None:
        """Waits until it is killed at its wire; an operator that ends by itself has met a bug."""
        killed = asyncio.create_task(self.wire.killed.wait())
        try:
            done, _ = await asyncio.wait((killed, self._main), return_when=asyncio.FIRST_COMPLETED)
        finally:
            killed.cancel()
        if self._main in done:
            await self._main
            raise RuntimeError("The operator ended by itself")

    async def kill(self) -> None:
        """Ends every task at once; no lease is released, no event posted."""
        self.wire.killed.set()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def look_at_everything(self) -> None:
        """As if every endpoint, config and model had just changed."""
        for kind in (ENDPOINT, CONFIG, MODEL):
            for ref in self.operator.engine.cache.refs(Watch(kind=kind)):
                self.operator.engine.queue.add(ref)

    @property
    def leads(self) -> bool:
        """Whether it has seen everything and may write."""
        return self.operator.engine.feed.synced.is_set() and self.operator.lease.is_held

    def has_seen(self, newest: Mapping[str, int], namespace: str) -> bool:
        """Whether all watches have come as far as these revisions by kind."""
        progress = self.operator.engine.feed._progress  # noqa: SLF001 - nobody else wants to know
        return all(progress.has_seen(Ref(kind, namespace, ""), revision) for kind, revision in newest.items())

    @property
    def rests(self) -> bool:
        """Whether it leads and has nothing to do, nothing in flight, nothing to ask and nothing planned for soon."""
        queue, soon = self.operator.engine.queue, asyncio.get_running_loop().time() + SOON
        timers = queue._later.values()  # noqa: SLF001 - nobody else wants to know
        is_busy = bool(queue) or bool(queue._active) or any(timer.when() < soon for timer in timers)  # noqa: SLF001
        asks = bool(self.operator.engine.pollers.prober._rounds)  # noqa: SLF001 - the same
        return self.leads and not is_busy and not asks and self.wire.in_flight == 0


def follow_tasks() -> None:
    """From now on the running loop tells each life which tasks, and which lines of the log, are its own."""
    asyncio.get_running_loop().set_task_factory(_make_task)
    structlog.configure(processors=[structlog.processors.format_exc_info, _keep])


def run(main: Coroutine[None, None, T], *, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """Runs to the end in a loop of its own; what killed operators have left open is collected.

    Their connections are cut off amid their handshakes, or before them, and nobody closes their ports.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", message=".*try_connect.* was never awaited", category=RuntimeWarning)
        with asyncio.Runner(loop_factory=loop) as runner:
            result = runner.run(main)
        gc.collect()
    return result


def _keep(_logger: object, level: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    life = _LIFE.get(None)
    if life is not None:
        life.log.append(f"{asyncio.get_running_loop().time():.3f} {level} {dict(event)}")
    raise structlog.DropEvent


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: Context | None = None,
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context)
    life = _LIFE.get(None) if context is None else context.get(_LIFE)
    if life is not None:
        life.tasks.add(task)
        task.add_done_callback(life.tasks.discard)
    return task
