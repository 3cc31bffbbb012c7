"""What the tests of updates share: an operator of their own, every gateway pod, load."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from threading import Condition

from msgspec import Struct, field

from tests.e2e.gateway import Gateway, Gateways, lagging
from tests.e2e.load import Load, load_on
from tests.e2e.namespace import Namespace
from tests.e2e.operator_process import PROGRAM, OperatorProcess
from tests.kit.sync_client import SyncClient

DRAIN = 15  # seconds for which pods that leave still take requests


class Lags:
    """One gateway pod at a time may lag, and none while somebody needs them all to hear."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._lags = False
        self._needed = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._lags and not self._needed)
            self._lags = True
        try:
            yield
        finally:
            with self._changed:
                self._lags = False
                self._changed.notify_all()

    @contextmanager
    def none(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._lags)
            self._needed += 1
        try:
            yield
        finally:
            with self._changed:
                self._needed -= 1
                self._changed.notify_all()


class Rig(Struct, frozen=True, kw_only=True):
    """One for all tests, which use it at the same time."""

    server: SyncClient
    kubeconfig: Path
    service: str  # the gateway's, namespace/name
    fleet: Gateways
    folder: Path  # logs and records
    environment: dict[str, str]  # of operators
    make_namespace: Callable[[], Namespace]
    namespace: Namespace  # served by the true operator
    limited: Namespace  # too, and nobody else's
    _lags: Lags = field(default_factory=Lags)

    @property
    def gateways(self) -> list[Gateway]:
        """The gateway's pods as they are now."""
        return self.fleet.now()

    @contextmanager
    def load(self, host: str, *, rate: float) -> Iterator[Load]:
        """Requests to ``host`` through all gateway pods, as long as it lasts."""
        record = self.folder / f"{host}.jsonl"
        with load_on(host, kubeconfig=self.kubeconfig, service=self.service, record=record, rate=rate) as load:
            yield load

    def operator(self, namespace: Namespace, *program: str) -> AbstractContextManager[OperatorProcess]:
        """An operator for one namespace, ``program`` for Python; not started yet."""
        return closing(
            OperatorProcess(
                served=[namespace], environment=self.environment, logs=self.folder, program=program or PROGRAM
            )
        )

    @contextmanager
    def lag(self) -> Iterator[Gateway]:
        """A gateway pod that hears nothing new meanwhile."""
        with self._lags.one():
            late = self.gateways[-1]
            with lagging(self.server, late):
                yield late

    @contextmanager
    def no_lag(self) -> Iterator[None]:
        """Every gateway pod hears meanwhile."""
        with self._lags.none():
            yield
