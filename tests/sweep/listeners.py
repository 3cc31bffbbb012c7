"""Where callers come in, revision by revision: which listeners a Gateway opens, and who has been seen serving there."""

from collections.abc import Iterator

from mlendpoints.api.labels import ROUTE_PATH
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.world import Listener
from tests.kit.client import Object
from tests.sweep.gateways import Answer
from tests.sweep.store import Change

HTTP, HTTPS = 80, 443


class Listeners:
    """Those of a namespace, by name of the endpoint."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers
        self._open: dict[str, dict[Listener, float]] = {}  # since when each is

    def judge(self, change: Change, before: Object | None, pods: set[str], at: float) -> Iterator[tuple[str, str]]:
        """A Gateway has changed; the request was sent ``at``, when callers might come through these pods."""
        name, gone = change.ref.name, change.type == "DELETED"
        known = self._open.get(name, {})
        self._open[name] = {} if gone else {d: known.get(d, change.seen) for d in parse_listeners(change.object)}
        staying = {listener.port for listener in self._open[name]}
        closed = {listener.port for listener in (parse_listeners(before) if before and not gone else ())} - staying
        if closed and (late := pods - self._served(name, staying, at)):
            yield "listener", f"listener {closed} closes before {sorted(late)} served at another"

    def judge_ready(
        self, change: Change, before: Object | None, pods: set[str], at: float
    ) -> Iterator[tuple[str, str]]:
        """An endpoint has changed."""
        if change.type == "DELETED" or not _is_ready(change.object) or (before and _is_ready(before)):
            return
        requested = HTTPS if change.object["spec"].get("tls") else HTTP
        if late := pods - self._served(change.ref.name, {requested}, at):
            yield "ready", f"Ready is said before {sorted(late)} served at listener {requested}"

    def _served(self, name: str, ports: set[int], at: float) -> set[str]:
        """Pods that have served routes at one of these listeners since it is open."""
        opened = {
            listener.port: since for listener, since in self._open.get(name, {}).items() if listener.port in ports
        }
        served = (a for a in self._answers if a.path == ROUTE_PATH and a.status == 200 and a.at < at)
        return {a.pod for a in served if a.at > opened.get(a.port, float("inf"))}


def _is_ready(endpoint: Object) -> bool:
    generation, conditions = endpoint["metadata"]["generation"], endpoint.get("status", {}).get("conditions", [])
    return any(
        c["type"] == "Ready" and c["status"] == "True" and c.get("observedGeneration") == generation for c in conditions
    )
