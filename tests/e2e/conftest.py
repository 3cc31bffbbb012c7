"""The live cluster of KUBECONFIG, else the local one, with the operator ready; a restricted namespace for each test."""

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import CLAIM, DEPLOYMENT, ENDPOINT, MLMODEL
from tests.e2e.desk import deployed_is_ready, is_deployed
from tests.e2e.gateway import Gateway, Gateways
from tests.e2e.mlmodels import a_storage_class
from tests.e2e.objects import a_config, a_titanic_model, a_variant, an_artifact_server, an_endpoint
from tests.e2e.place import NAMESPACE, ROOT, Place
from tests.e2e.standing import standing
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

LOCAL = Path(os.environ.get("MLENDPOINTS_STATE") or "/var/lib/mlendpoints") / "kubeconfig"
VOLUMES = LOCAL.parent / "e2e-volumes"  # directories of the node
GATEWAY = os.environ.get("GATEWAY_SERVICE") or "istio-ingress/istio-ingressgateway"

MakePlace = Callable[[], Place]


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """Path of a cluster administrator's kubeconfig."""
    return Path(os.environ.get("KUBECONFIG") or LOCAL)


@pytest.fixture(scope="session")
def is_local(kubeconfig: Path) -> bool:
    """Whether this machine is the cluster's node, so that its pods and logs are at hand."""
    return kubeconfig == LOCAL


@pytest.fixture(scope="session")
def server(kubeconfig: Path) -> Iterator[SyncClient]:
    """The cluster's API server; the operator runs there, and is installed if it does not yet."""
    if not kubeconfig.exists():
        pytest.fail("No cluster: run `make cluster-up`, or set KUBECONFIG.")
    server = SyncClient.at(kubeconfig)
    if not is_deployed(server):
        subprocess.run(["make", "--no-print-directory", "deploy"], cwd=ROOT, check=True)
    wait_until(lambda: deployed_is_ready(server), "the operator is ready")
    yield server
    server.http.close()


@pytest.fixture(scope="session")
def make_place(server: SyncClient) -> Iterator[MakePlace]:
    """Makes namespaces that enforce Pod Security ``restricted``. In the end all have to get empty, and are deleted."""
    made: list[Place] = []

    def make() -> Place:
        place = Place(server, f"e2e-{uuid.uuid4().hex[:8]}")
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        body: Object = {"metadata": {"name": place.name, "labels": labels}}
        server.ask("POST", "/api/v1/namespaces", body=body).raise_for_status()
        made.append(place)
        return place

    yield make
    for place in made:
        leave(place)
    for place in made:
        wait_until(lambda: not place.all(ENDPOINT), f"{place.name} has no endpoints", last=lambda: standing(place))  # noqa: B023
        server.ask("DELETE", NAMESPACE.path(name=place.name))
    for place in made:
        wait_until(lambda: not standing(place), f"{place.name} is empty", last=lambda: standing(place))  # noqa: B023


def leave(place: Place) -> None:
    """Asks for the deletion of all endpoints: faster than that of the namespace, which waits for pods first."""
    place.server.ask("DELETE", ENDPOINT.path(place.name))


def until_empty(places: list[Place]) -> None:
    """No endpoint is left to operators that do not serve it."""
    for place in places:
        leave(place)
    wait_until(lambda: not any(place.all(ENDPOINT) for place in places), "all endpoints are gone")


@pytest.fixture
def place(make_place: MakePlace) -> Iterator[Place]:
    """A namespace for one test; what is in it leaves while the next test runs."""
    place = make_place()
    yield place
    leave(place)


@pytest.fixture
def storage(place: Place, is_local: bool) -> Iterator[str]:  # noqa: FBT001 (a fixture)
    """A class for claims: the cluster's default, or volumes of this node for the local cluster, which has none."""
    if not is_local:
        yield ""
        return
    with a_storage_class(place, VOLUMES, volumes=3) as name:
        yield name
        place.server.ask("DELETE", MLMODEL.path(place.name))
        wait_until(lambda: not place.all(CLAIM), "no claim is left")


@pytest.fixture(scope="session")
def fleet(server: SyncClient, is_local: bool) -> Iterator[Gateways]:  # noqa: FBT001 (a fixture)
    """The gateway's pods, of which a test may replace some."""
    with closing(Gateways(server, GATEWAY, reachable=is_local)) as fleet:
        yield fleet


@pytest.fixture
def both(fleet: Gateways) -> list[Gateway]:
    """Every pod that the gateway has now: each is asked by itself."""
    return wait_until(fleet.whole, "the gateway has all its pods")


@pytest.fixture(scope="session")
def artifacts(make_place: MakePlace) -> str:
    """The namespace of a web server with the example's artifacts."""
    place = make_place()
    place.apply(*an_artifact_server())
    wait_until(
        lambda: place.get(DEPLOYMENT, "artifacts").get("status", {}).get("readyReplicas"),
        "the web server with the artifacts is ready",
    )
    return place.name


@pytest.fixture(scope="session")
def titanic(make_place: MakePlace, artifacts: str) -> Place:
    """The Titanic example with 90 : 10, ready. Tests leave it as it is."""
    place = make_place()
    place.apply(
        a_titanic_model("rfc", "titanic-rfc.tar.gz", artifacts=artifacts),
        a_titanic_model("lr", "titanic-lr.tar.gz", artifacts=artifacts),
        a_config("titanic", a_variant("blue", "rfc", weight=90), a_variant("green", "lr", weight=10)),
        an_endpoint("titanic", config="titanic", host=place.host("titanic")),
    )
    place.until_ready("titanic")
    return place
