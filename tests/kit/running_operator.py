"""The whole operator in the test's own process, at work in some namespaces, and what its metrics say of it."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.endpoint.template_status import plan_config, plan_model
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.world import Ref
from mlendpoints.edge.engine import Process
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import ENDPOINT
from mlendpoints.edge.lease import LeaseTimes
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.reflector import Timeouts
from mlendpoints.edge.operator import Operator
from mlendpoints.edge.reconcile.parts import Plans
from mlendpoints.edge.settings import Settings
from tests.kit.waiting import TIMEOUT

PLANS = Plans(endpoint=plan_endpoint, config=plan_config, model=plan_model, mlmodel=plan_mlmodel)  # the real decisions
LEASE_TIMES = LeaseTimes(retry=0.05)  # takes a lease that was released at once, and keeps it also on a busy machine
_READS = ("get", "list")


class RunningOperator:
    """An operator at work, at first in ``namespace``; ``task`` is done when it has ended."""

    def __init__(self, operator: Operator, metrics: Metrics, *, namespace: str, task: asyncio.Task[None]) -> None:
        self.operator = operator
        self.metrics = metrics
        self.namespace = namespace
        self.task = task

    def url(self, endpoint: str) -> str:
        """The URL in an endpoint's status, as the operator knows it; ``absent`` for one it does not know."""
        found = self.operator.engine.cache.endpoint(Ref(ENDPOINT.name, self.namespace, endpoint))
        return found.status.url if found else "absent"

    def writes(self) -> Counter[tuple[str, str, str]]:
        """What was written, but for the lease: (verb, kind, HTTP status)."""
        return writes_of(self.metrics)

    def gets(self, kind: str) -> int:
        """How often one object of a kind was read by its name."""
        return sum(n for (verb, its, _), n in _requests(self.metrics).items() if (verb, its) == ("get", kind))

    def reconciles(self, result: str = "success") -> float:
        """How many reconciles ended so."""
        value: float = self.metrics.reconciles.labels(result)._value.get()  # noqa: SLF001 - a counter's value
        return value

    def skipped(self) -> Counter[str]:
        """How many objects could not be read, by kind."""
        samples = next(iter(self.metrics.skipped.collect())).samples
        return Counter({s.labels["kind"]: int(s.value) for s in samples if s.name.endswith("_total")})


def settings_of(*namespaces: str) -> Settings:
    """Settings of an operator of these namespaces alone; its lease is in the first."""
    return Settings(namespaces=namespaces, lease_namespace=namespaces[0], address="127.0.0.1", port=0, workers=4)


@asynccontextmanager
async def running_operator(
    api: Api,
    metrics: Metrics,
    *namespaces: str,
    plans: Plans = PLANS,
    rejection_clock: Callable[[], float] = time.monotonic,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - a frozen value
) -> AsyncIterator[RunningOperator]:
    """Runs it, and stops it in the end; raises whatever has ended it before."""
    operator = Operator(
        settings=settings_of(*namespaces),
        plans=plans,
        process=Process(
            identity=uuid.uuid4().hex, lease_times=LEASE_TIMES, rejection_clock=rejection_clock, timeouts=timeouts
        ),
        api=api,
        metrics=metrics,
    )
    task = asyncio.create_task(operator.run())
    try:
        yield RunningOperator(operator, metrics, namespace=namespaces[0], task=task)
    finally:
        operator.stop()
        await asyncio.wait_for(task, TIMEOUT)


def writes_of(metrics: Metrics) -> Counter[tuple[str, str, str]]:
    """What was written, but for the lease: (verb, kind, HTTP status)."""
    return Counter(
        {request: n for request, n in _requests(metrics).items() if request[0] not in (*_READS, "watch") and n}
    )


def reads_of(metrics: Metrics) -> int:
    """GETs and lists, of leases, too."""
    return sum(n for (verb, _, _), n in _requests(metrics, lease=True).items() if verb in _READS)


def watches_of(metrics: Metrics) -> int:
    """How many watches the API server has opened."""
    return sum(n for (verb, _, code), n in _requests(metrics, lease=True).items() if (verb, code) == ("watch", "200"))


def _requests(metrics: Metrics, *, lease: bool = False) -> Counter[tuple[str, str, str]]:
    samples = next(iter(metrics.requests.collect())).samples
    found = Counter[tuple[str, str, str]]()
    for sample in samples:
        labels = sample.labels
        if sample.name.endswith("_total") and (lease or labels["kind"] != "Lease"):
            found[labels["verb"], labels["kind"], labels["code"]] += int(sample.value)
    return found
