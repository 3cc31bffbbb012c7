"""Follows the cluster once for all tabs: endpoints, MLModels, the operator's Lease."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.client.errors import (
    ClientError,
    ConfigurationError,
    ForbiddenError,
    NotInstalledError,
    UnauthorizedError,
    UnreachableError,
)
from mlendpoints.client.live import Live
from mlendpoints.client.observing import Observation
from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.times import timestamp
from mlendpoints.dashboard.leading import Leading
from mlendpoints.dashboard.rows import KINDS, Place, Root, Row, make_row, place_of
from mlendpoints.dashboard.signals import Signal

_PAUSE = 5.0  # seconds between two attempts to follow a kind
_LOOK = 3.0  # seconds between two looks at the Lease, each of which also shows that the API server responds
_PATIENCE = 10.0  # seconds for which one look may take


class Health(Struct, frozen=True, kw_only=True, rename="camel"):
    """What banners say: each is empty if all is well."""

    away: str = ""  # why the API server cannot be reached
    since: str = ""  # since when
    idle: str = ""  # why no operator acts
    note: str = ""  # what cannot be known
    problems: tuple[str, ...] = ()  # why lists are not complete


class Scope(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is shown: a namespace, or all ("*"), of a context of the kubeconfig."""

    namespace: str
    context: str


class Following:
    """What is known of the cluster."""

    def __init__(self, live: Live, namespace: str) -> None:
        self._live = live
        self._namespace = namespace
        self.scope = Scope(namespace=namespace, context=live.context)
        self._leading = Leading()
        self._problems: dict[str, str] = {}
        self._health = Health()
        self.objects: dict[str, Root] = {}
        self.rows: dict[str, Row] = {}
        self.listed: set[str] = set()  # kinds whose list is complete
        self.changed = Signal()

    @property
    def health(self) -> Health:
        """What banners say."""
        return self._health

    def find(self, place: Place) -> Root | None:
        """The object at a place."""
        return self.objects.get(str(place))

    async def run(self) -> None:
        """Follows until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in KINDS:
                group.create_task(self._follow(kind))
            group.create_task(self._look())

    async def _follow(self, kind: str) -> None:
        while True:
            try:
                await self._observe(kind)
            except ClientError as error:
                if not isinstance(error, UnreachableError):  # the banner about the API server says it
                    self._problems[kind] = quoted(str(error))
                self._report(self._health)
            await asyncio.sleep(_PAUSE)

    async def _observe(self, kind: str) -> None:
        first = True
        async with aclosing(self._live.observe(KINDS[kind], namespace=self._namespace)) as observations:
            async for observation in observations:
                if first:
                    self._begin(kind, {str(place_of(obj)) for obj in observation.objects.values()})
                first = False
                self._take(observation)

    def _begin(self, kind: str, present: set[str]) -> None:
        for key in [key for key in self.rows if key.startswith(f"{kind}/") and key not in present]:
            self._drop(key)
        self.listed.add(kind)
        self._problems.pop(kind, None)
        self._report(self._health)

    def _take(self, observation: Observation[Root]) -> None:
        for change in observation.changes:
            key = str(place_of(change.object))
            if change.type == "DELETED":
                self._drop(key)
            else:
                self.objects[key] = change.object
                self.rows[key] = make_row(change.object)
        self.changed.notify()

    def _drop(self, key: str) -> None:
        self.objects.pop(key, None)
        self.rows.pop(key, None)

    async def _look(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    leases = await self._live.leases(namespace=self._namespace)
                self._set(idle=self._leading.problem(leases, time.monotonic()))
            except TimeoutError:
                self._set(away=f"The API server has not responded for {_PATIENCE:.0f} s.")
            except (UnreachableError, UnauthorizedError, ConfigurationError) as error:
                self._set(away=str(error))
            except NotInstalledError as error:
                self._set(idle=str(error))
            except ForbiddenError as error:
                self._set(note=f"Whether an operator acts is not known. {error}")
            except ClientError as error:
                self._set(note=str(error))
            await asyncio.sleep(_LOOK)

    def _set(self, *, away: str = "", idle: str = "", note: str = "") -> None:
        since = (self._health.since or timestamp(time.time())) if away else ""
        self._report(Health(away=quoted(away), since=since, idle=quoted(idle), note=quoted(note)))

    def _report(self, health: Health) -> None:
        problems = tuple(text for _, text in sorted(self._problems.items()))
        health = replace(health, problems=problems)
        if health != self._health:
            self._health = health
            self.changed.notify()


def changed_rows(shown: Mapping[str, Row], rows: Mapping[str, Row]) -> tuple[list[Row], list[str]]:
    """What differs from what a tab shows: new or changed rows, and the ids of those that are gone."""
    return [row for key, row in rows.items() if shown.get(key) != row], [key for key in shown if key not in rows]
