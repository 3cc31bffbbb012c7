"""What the tests of updates share: an operator of their own, every gateway pod, load."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from msgspec import Struct, field

from tests.apiserver.server import Server
from tests.e2e.desk import PROGRAM, Desk
from tests.e2e.gateway import Gateway, ReachableGateways, lagging
from tests.e2e.load import Load, load_on
from tests.e2e.place import Place


class Rig(Struct, frozen=True, kw_only=True):
    """One for all tests, which use it at the same time."""

    server: Server
    kubeconfig: Path
    service: str  # the gateway's, namespace/name
    fleet: ReachableGateways
    folder: Path  # logs and records
    environment: dict[str, str]  # of operators
    make_place: Callable[[], Place]
    place: Place  # served by the true operator
    limited: Place  # too, and nobody else's
    _lags: Lock = field(default_factory=Lock)

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

    @contextmanager
    def desk(self, place: Place, *program: str) -> Iterator[Desk]:
        """An operator for one namespace, ``program`` for Python; not started yet."""
        desk = Desk(served=[place], environment=self.environment, logs=self.folder, program=program or PROGRAM)
        try:
            yield desk
        finally:
            desk.close()

    @contextmanager
    def lag(self) -> Iterator[Gateway]:
        """A gateway pod that hears nothing new meanwhile; one at a time."""
        with self._lags:
            late = self.gateways[-1]
            with lagging(self.server, late):
                yield late
