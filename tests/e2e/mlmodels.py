"""MLModels as users write them, where their artifacts lie, and what callers inside the cluster get."""

import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx2

from mlendpoints.api.meta import API_VERSION
from mlendpoints.edge.kube.kinds import MLMODEL, SERVICE, VOLUME
from tests.e2e.namespace import ROOT, Namespace
from tests.e2e.objects import EXAMPLE, digest_of
from tests.kit.images import image
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

SMALL = {"cpus": "20m", "memory": "192Mi", "size": "16Mi"}
PASSENGERS = (EXAMPLE / "requests" / "passengers.json").read_text()
_ECHO = (ROOT / "tests" / "e2e" / "echo.py").read_text()


def an_mlmodel(name: str, **spec: Any) -> Object:  # noqa: ANN401 (any JSON value)
    """A small one."""
    whole = {"image": image("model"), **SMALL, **spec}
    return {"apiVersion": API_VERSION, "kind": MLMODEL.name, "metadata": {"name": name}, "spec": whole}


def a_titanic_mlmodel(name: str, archive: str, *, artifacts: str, **spec: Any) -> Object:  # noqa: ANN401 (any JSON value)
    """One that serves an artifact of the example, from the web server in the namespace ``artifacts``."""
    artifact = f"http://artifacts.{artifacts}.svc/{archive}"
    return an_mlmodel(name, **{"artifact": artifact, "artifactDigest": digest_of(archive), **spec})


def a_server_of_another_contract(name: str, **spec: Any) -> Object:  # noqa: ANN401 (any JSON value)
    """As TensorFlow Serving: on 8501, with a health path of its own, started by other words than ``serve``."""
    program = _ECHO.replace("8080", "8501")
    return an_mlmodel(
        name,
        **{
            "port": 8501,
            "healthPath": f"/v1/models/{name}",
            "command": ["python3", "-c", program],
            "args": [f"--model_name={name}"],
            "env": [{"name": "ANSWER", "value": name}],
            **spec,
        },
    )


@contextmanager
def a_storage_class(namespace: Namespace, folder: Path, *, volumes: int) -> Iterator[str]:
    """Name of a class with so many volumes on this node, below ``folder``, for a cluster that provides none itself."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    for number in range(volumes):
        (folder / name / str(number)).mkdir(parents=True)
        namespace.server.ask("POST", VOLUME.path(), body=_a_volume(name, folder, number)).raise_for_status()
    try:
        yield name
    finally:
        for number in range(volumes):
            namespace.server.ask("DELETE", VOLUME.path(name=f"{name}-{number}"))
        shutil.rmtree(folder / name)


def _a_volume(name: str, folder: Path, number: int) -> Object:
    anywhere = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{name}-{number}"},
        "spec": {
            "storageClassName": name,
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "local": {"path": str(folder / name / str(number))},
            "nodeAffinity": {"required": {"nodeSelectorTerms": anywhere}},
        },
    }


def until_phase(namespace: Namespace, name: str, phase: str) -> Object:
    """Waits until the status of the present generation says so; the status at that moment."""

    def holds() -> Object | None:
        model = namespace.get(MLMODEL, name)
        status: Object = model.get("status", {})
        wanted = (phase, model["metadata"]["generation"])
        return status if (status.get("phase"), status.get("observedGeneration")) == wanted else None

    return wait_until(
        holds, f"{namespace.name}/{name} is {phase}", last=lambda: namespace.get(MLMODEL, name).get("status")
    )


def invoke(namespace: Namespace, name: str, *, path: str = "invocations", body: str = PASSENGERS) -> httpx2.Response:
    """One request through the Service, by way of the API server, from wherever the test runs."""
    url = SERVICE.path(namespace.name, f"{name}:http", f"proxy/{path}")
    headers = {"Content-Type": "application/json"}
    return namespace.server.http.request("POST", url, content=body, headers=headers)


class Callers:
    """Callers that ask a Service's address again and again, each time by a new connection."""

    def __init__(self, url: str, *, count: int) -> None:
        self._url = url
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(count)]
        self.answers: list[str] = []

    def __enter__(self) -> Self:
        """Begins."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends, when every answer has come."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    @property
    def lost(self) -> list[str]:
        """What came in place of an answer."""
        return [answer for answer in self.answers if not answer.startswith("200 ")]

    def until_more(self, requests: int) -> None:
        """Waits until so many more have been answered or lost."""
        enough = len(self.answers) + requests
        wait_until(lambda: len(self.answers) >= enough, f"{requests} more requests have been answered or lost")

    def _call(self) -> None:
        while not self._stopped.is_set():
            try:
                response = httpx2.post(self._url, content="1", timeout=60, trust_env=False)
                self.answers.append(f"{response.status_code} {response.text}")
            except httpx2.HTTPError as error:
                self.answers.append(repr(error))
