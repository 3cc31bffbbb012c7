"""The rig; and tests that mostly wait, which run side by side."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import GATEWAY, MakeNamespace, until_empty
from tests.e2e.gateway import Gateways
from tests.e2e.operator_process import an_operator, environment_of
from tests.e2e.updates.rig import DRAIN, Rig
from tests.kit.sync_client import SyncClient

AT_ONCE = 5  # tests; with 8, and other work beside them, gateways were late for some
_MARK = "side_by_side"

Running = dict[str, "Future[None]"]  # by node id


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}: starts with the others of its kind; takes `rig` and parameters alone")


@pytest.fixture(scope="package")
def rig(
    server: SyncClient,
    make_namespace: MakeNamespace,
    kubeconfig: Path,
    is_local: bool,  # noqa: FBT001 (a fixture)
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rig]:
    if not is_local:
        pytest.skip("load and lagging gateways need the cluster's pods and processes within reach")
    folder, served = tmp_path_factory.mktemp("updates"), [make_namespace(), make_namespace()]
    environment = environment_of(kubeconfig, GATEWAY, reachable=True) | {
        "MLENDPOINTS_DRAIN_SECONDS": str(DRAIN),
        "MLENDPOINTS_RETRY_ATTEMPTS": "0",
    }
    fleet = Gateways(server, GATEWAY, reachable=True)
    with closing(fleet), an_operator(server, served, environment=environment, logs=folder) as operator:
        operator.start()
        yield Rig(
            server=server,
            kubeconfig=kubeconfig,
            service=GATEWAY,
            fleet=fleet,
            folder=folder,
            environment=environment,
            make_namespace=make_namespace,
            namespace=served[0],
            limited=served[1],
        )
        until_empty(served)


@pytest.fixture(scope="package")
def running(request: pytest.FixtureRequest, rig: Rig) -> Iterator[Running]:
    """Every selected test of this folder that may run beside others, begun."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    marked = [item for item in items if item.get_closest_marker(_MARK)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {item.nodeid: pool.submit(item.obj, rig=rig, **_parameters(item)) for item in marked}


def _parameters(item: pytest.Function) -> dict[str, object]:
    return item.callspec.params if hasattr(item, "callspec") else {}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """What has begun already is waited for instead of being called."""
    if not pyfuncitem.get_closest_marker(_MARK):
        return None
    running: Running = pyfuncitem._request.getfixturevalue("running")  # noqa: SLF001 (the only way at this moment)
    running[pyfuncitem.nodeid].result()
    return True


@pytest.fixture
def alone(running: Running, rig: Rig) -> Rig:
    """The rig, when all tests that run side by side are over."""
    for test in running.values():
        test.exception()
    return rig
