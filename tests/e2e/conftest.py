"""The live cluster of KUBECONFIG, else the local one, with the operator ready; a restricted namespace for each test."""

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import CLAIM, DEPLOYMENT, ENDPOINT, MLMODEL
from tests.e2e.gateway import Gateway, Gateways
from tests.e2e.inventory import inventory
from tests.e2e.mlmodels import a_storage_class
from tests.e2e.namespace import NAMESPACE, ROOT, Namespace
from tests.e2e.objects import a_config, a_titanic_model, a_variant, an_artifact_server, an_endpoint
from tests.e2e.operator_process import OperatorProcess, an_operator, deployed_is_ready, environment_of, is_deployed
from tests.kit.operator_process import variables
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

LOCAL = Path(os.environ.get("MLENDPOINTS_STATE") or "/var/lib/mlendpoints") / "kubeconfig"
VOLUMES = LOCAL.parent / "e2e-volumes"  # directories of the node
GATEWAY = os.environ.get("GATEWAY_SERVICE") or "istio-ingress/istio-ingressgateway"

MakeNamespace = Callable[[], Namespace]
OperatorOf = Callable[..., AbstractContextManager[OperatorProcess]]  # of namespaces, with settings


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
def make_namespace(server: SyncClient) -> Iterator[MakeNamespace]:
    """Makes namespaces that enforce Pod Security ``restricted``. In the end all have to get empty, and are deleted."""
    made: list[Namespace] = []

    def make() -> Namespace:
        namespace = Namespace(server, f"e2e-{uuid.uuid4().hex[:8]}")
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        body: Object = {"metadata": {"name": namespace.name, "labels": labels}}
        server.ask("POST", "/api/v1/namespaces", body=body).raise_for_status()
        made.append(namespace)
        return namespace

    yield make
    for namespace in made:
        leave(namespace)
    for namespace in made:
        until_no_endpoint(namespace)
        server.ask("DELETE", NAMESPACE.path(name=namespace.name))
    for namespace in made:
        wait_until(lambda: not inventory(namespace), f"{namespace.name} is empty", last=lambda: inventory(namespace))  # noqa: B023


def leave(namespace: Namespace) -> None:
    """Asks for the deletion of all endpoints: faster than that of the namespace, which waits for pods first."""
    namespace.server.ask("DELETE", ENDPOINT.path(namespace.name))


def until_no_endpoint(namespace: Namespace) -> None:
    """Waits until all its endpoints are gone."""
    wait_until(
        lambda: not namespace.all(ENDPOINT), f"{namespace.name} has no endpoints", last=lambda: inventory(namespace)
    )


def until_empty(namespaces: list[Namespace]) -> None:
    """No endpoint is left to operators that do not serve it."""
    for namespace in namespaces:
        leave(namespace)
    wait_until(lambda: not any(namespace.all(ENDPOINT) for namespace in namespaces), "all endpoints are gone")


@pytest.fixture
def namespace(make_namespace: MakeNamespace) -> Iterator[Namespace]:
    """A namespace for one test; what is in it leaves while the next test runs."""
    namespace = make_namespace()
    yield namespace
    leave(namespace)


@pytest.fixture
def storage(namespace: Namespace, is_local: bool) -> Iterator[str]:  # noqa: FBT001 (a fixture)
    """A class for claims: the cluster's default, or volumes of this node for the local cluster, which has none."""
    if not is_local:
        yield ""
        return
    with a_storage_class(namespace, VOLUMES, volumes=3) as name:
        yield name
        namespace.server.ask("DELETE", MLMODEL.path(namespace.name))
        wait_until(lambda: not namespace.all(CLAIM), "no claim is left")


@pytest.fixture(scope="session")
def operator_of(
    server: SyncClient,
    kubeconfig: Path,
    is_local: bool,  # noqa: FBT001 (a fixture)
    tmp_path_factory: pytest.TempPathFactory,
) -> OperatorOf:
    """Operators of the tests' own, not started yet: for the namespaces that are named, with these settings."""

    def make(*served: Namespace, **settings: object) -> AbstractContextManager[OperatorProcess]:
        environment = environment_of(kubeconfig, GATEWAY, reachable=is_local) | variables(**settings)
        return an_operator(server, served, environment=environment, logs=tmp_path_factory.mktemp("operator"))

    return make


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
def artifacts(make_namespace: MakeNamespace) -> str:
    """The namespace of a web server with the example's artifacts."""
    namespace = make_namespace()
    namespace.apply(*an_artifact_server())
    wait_until(
        lambda: namespace.get(DEPLOYMENT, "artifacts").get("status", {}).get("readyReplicas"),
        "the web server with the artifacts is ready",
    )
    return namespace.name


@pytest.fixture(scope="session")
def titanic(make_namespace: MakeNamespace, artifacts: str) -> Namespace:
    """The Titanic example with 90 : 10, ready. Tests leave it as it is."""
    namespace = make_namespace()
    namespace.apply(
        a_titanic_model("rfc", "titanic-rfc.tar.gz", artifacts=artifacts),
        a_titanic_model("lr", "titanic-lr.tar.gz", artifacts=artifacts),
        a_config("titanic", a_variant("blue", "rfc", weight=90), a_variant("green", "lr", weight=10)),
        an_endpoint("titanic", config="titanic", host=namespace.host("titanic")),
    )
    namespace.until_ready("titanic")
    return namespace
