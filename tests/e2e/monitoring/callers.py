"""Callers who count what they get, and an endpoint's counts as its pods export them."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2

from mlendpoints.api.labels import INVOKED_VARIANT_HEADER
from mlendpoints.edge.kube.kinds import POD
from tests.e2e.gateway import CALLERS, Gateway
from tests.e2e.namespace import Namespace

Counts = Counter[tuple[str, str, str]]  # by variant, template of the model, and status
_SAMPLE = re.compile(r"^mlendpoints_requests_total{(?P<labels>[^}]*)} (?P<value>\S+)$", re.MULTILINE)
_PORT = 9090


class Callers:
    """They send to one host, through every gateway pod in turn, and count; models answer by their templates' names."""

    def __init__(self, gateways: Sequence[Gateway], host: str) -> None:
        self._gateways = gateways
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

    def _send(self, number: int, body: object) -> None:
        gateway = self._gateways[number % len(self._gateways)]
        answer = gateway.invoke(self._host, body=json.dumps(body))
        with self._lock:
            self.counts[answer.headers.get(INVOKED_VARIANT_HEADER, ""), answer.text, str(answer.status_code)] += 1
            self.answered.append(time.time())


def exported(namespace: Namespace, endpoint: str) -> Counts:
    """The sum of what all pods of the endpoint count."""
    counts: Counts = Counter()
    for pod in namespace.all(POD):
        if address := pod.get("status", {}).get("podIP"):
            text = httpx2.get(f"http://{address}:{_PORT}/metrics", trust_env=False).text
            for sample in _SAMPLE.finditer(text):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', sample["labels"]))
                if labels["endpoint"] == endpoint:
                    counts[labels["variant"], labels["model"], labels["code"]] += int(float(sample["value"]))
    return +counts
