"""Callers who count what they get, and an endpoint's or MLModel's counts as its pods export them."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import httpx2

from mlendpoints.api.labels import INVOKED_VARIANT_HEADER, MODEL_VERSION
from mlendpoints.edge.kube.kinds import POD
from tests.e2e.gateway import CALLERS, SECONDS
from tests.e2e.namespace import Namespace

Counts = Counter[tuple[str, str, str]]  # by variant, version and status; in `Callers`, by the text of the response
_SAMPLE = re.compile(r"^mlendpoints_requests_total{(?P<labels>[^}]*)} (?P<value>\S+)$", re.MULTILINE)
_PORT = 9090


class Entrance(Protocol):
    """Where requests are sent to: a gateway pod, or an MLModel's Service."""

    def invoke(self, host: str, *, variant: str = "", body: str = "{}") -> httpx2.Response:
        """The response to one request."""
        ...


class Service:
    """A Service's address within reach; each request has a connection of its own."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/invocations"

    def invoke(self, host: str, *, variant: str = "", body: str = "{}") -> httpx2.Response:  # noqa: ARG002 - has no variants
        """See ``Entrance``."""
        return httpx2.post(self._url, content=body, headers={"Host": host}, timeout=SECONDS, trust_env=False)


class Callers:
    """They send to one host, through every entrance in turn, and count."""

    def __init__(self, entrances: Sequence[Entrance], host: str) -> None:
        self._entrances = entrances
        self._host = host
        self._lock = threading.Lock()
        self.counts: Counts = Counter()
        self.answered: list[float] = []  # when, by the wall clock

    def send(self, bodies: Sequence[object]) -> None:
        """All of them, several at once; returns when all are answered."""
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(self._send, range(len(bodies)), bodies))

    @contextmanager
    def sending(self, bodies: Sequence[object]) -> Iterator[None]:
        """Again and again until the block ends."""
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                self.send(bodies)

        with ThreadPoolExecutor(1) as worker:
            working = worker.submit(work)
            try:
                yield
            finally:
                stop.set()
            working.result()

    def by_version(self, versions: Mapping[str, str], *, variant: str = "") -> Counts:
        """What the variants' pods answered; ``variant`` is what an MLModel's pods call themselves."""
        counts: Counts = Counter()
        for (invoked, text, code), count in self.counts.items():
            if invoked or variant:  # else answered by the gateway itself
                counts[invoked or variant, versions.get(text, text), code] += count
        return counts

    def _send(self, number: int, body: object) -> None:
        entrance = self._entrances[number % len(self._entrances)]
        answer = entrance.invoke(self._host, body=json.dumps(body))
        with self._lock:
            self.counts[answer.headers.get(INVOKED_VARIANT_HEADER, ""), answer.text, str(answer.status_code)] += 1
            self.answered.append(time.time())


def versions_of(namespace: Namespace) -> dict[str, str]:
    """The version of the pods that give each answer; no two of a test's versions give the same."""
    found = {}
    for pod in namespace.all(POD):
        environment = pod["spec"]["containers"][0]["env"]
        answer = next(each["value"] for each in environment if each["name"] == "ANSWER")
        found[answer] = pod["metadata"]["labels"][MODEL_VERSION]
    return found


def exported(namespace: Namespace, endpoint: str) -> Counts:
    """The sum of what all pods of the endpoint, or of the MLModel, count."""
    counts: Counts = Counter()
    for pod in namespace.all(POD):
        if address := pod.get("status", {}).get("podIP"):
            text = httpx2.get(f"http://{address}:{_PORT}/metrics", trust_env=False).text
            for sample in _SAMPLE.finditer(text):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', sample["labels"]))
                if labels["endpoint"] == endpoint:
                    counts[labels["variant"], labels["version"], labels["code"]] += int(float(sample["value"]))
    return +counts
