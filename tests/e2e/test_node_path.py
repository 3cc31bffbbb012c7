"""A node's own directory as a model's storage: filled once, found again, mended where somebody has touched it."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from mlendpoints.api.containment import NAME as POLICY
from mlendpoints.api.policy import OPERATOR as USER
from mlendpoints.edge.kube.kinds import CLAIM, DEPLOYMENT, MODEL, POD, VOLUME, Kind
from tests.e2e.conftest import LOCAL, MakeNamespace, OperatorOf, until_empty
from tests.e2e.gateway import Gateway, statuses
from tests.e2e.mlmodels import PASSENGERS
from tests.e2e.namespace import Namespace
from tests.e2e.objects import a_config, a_titanic_model, a_variant, an_endpoint
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

LR, RFC = "titanic-lr.tar.gz", "titanic-rfc.tar.gz"
EARLIER_USER = 1000  # all of a pod ran as this one
FETCHED, FOUND = "Artifact installed", "Artifact is already installed"
_MERGE = {"Content-Type": "application/merge-patch+json"}
_ADMISSION = "admissionregistration.k8s.io"
_POLICY = Kind(
    name="ValidatingAdmissionPolicy",
    api_version=f"{_ADMISSION}/v1",
    plural="validatingadmissionpolicies",
    namespaced=False,
)
_RBAC = "rbac.authorization.k8s.io"
_BINDING = Kind(name="ClusterRoleBinding", api_version=f"{_RBAC}/v1", plural="clusterrolebindings", namespaced=False)


@pytest.fixture(scope="module")
def shelves(is_local: bool) -> Iterator[Path]:  # noqa: FBT001 (a fixture)
    """Where the node's directories for models are."""
    if not is_local:
        pytest.skip("the node's directories are out of reach")
    folder = LOCAL.parent / f"e2e-shelves-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shelf(shelves: Path) -> Path:
    """What a variant asks for: a folder that is empty, since nothing has made it yet."""
    return shelves / uuid.uuid4().hex[:8]


@pytest.fixture(scope="module")
def operated(
    server: SyncClient, make_namespace: MakeNamespace, operator_of: OperatorOf, shelves: Path
) -> Iterator[Namespace]:
    """A namespace with an operator that lets users have these directories."""
    namespace = make_namespace()
    (shelves / namespace.name).mkdir()
    server.ask("POST", _BINDING.path(), body=_may_make_volumes(namespace.name)).raise_for_status()
    with allowed(server, shelves), operator_of(namespace, allowed_path_prefixes=shelves) as operator:
        operator.start()
        yield namespace
    server.ask("DELETE", _BINDING.path(name=namespace.name))


@contextmanager
def allowed(server: SyncClient, shelves: Path) -> Iterator[None]:
    """The operator's policy knows the directories, too, as after an installation with ``allowedPathPrefixes``."""
    path = _POLICY.path(name=POLICY)
    before = server.ask("GET", path).raise_for_status().json()["spec"]["variables"]
    prefixes = {"name": "prefixes", "expression": json.dumps([str(shelves)])}
    _set_variables(server, [prefixes if one["name"] == "prefixes" else one for one in before])
    yield
    _set_variables(server, before)


def _set_variables(server: SyncClient, variables: list[Object]) -> None:
    body = {"spec": {"variables": variables}}
    server.ask("PATCH", _POLICY.path(name=POLICY), body=body, headers=_MERGE).raise_for_status()


@pytest.fixture
def shop(operated: Namespace) -> Iterator[Namespace]:
    """It, empty again afterwards."""
    yield operated
    until_empty([operated])


def _may_make_volumes(name: str) -> Object:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": USER}],
    }


def serve(namespace: Namespace, shelf: Path, *, artifacts: str, instances: int) -> None:
    """The example on the shelf, ready."""
    variant = a_variant("blue", "titanic", instances=instances) | {"path": str(shelf)}
    namespace.apply(
        a_titanic_model("titanic", LR, artifacts=artifacts),
        a_config("titanic", variant),
        an_endpoint("titanic", config="titanic", host=namespace.host("titanic")),
    )
    namespace.until_ready("titanic")


def outcomes(namespace: Namespace, pods: list[str]) -> list[str]:
    """The last words of what fetches for each pod, once they are said."""
    return sorted(wait_until(partial(_outcome, namespace, pod), f"{pod} has its artifact") for pod in pods)


def _outcome(namespace: Namespace, pod: str) -> str:
    """Empty as long as there is none; a container that has not begun has no log (400)."""
    log = namespace.server.ask("GET", POD.path(namespace.name, pod, "log?container=model-init")).text
    return next((outcome for outcome in (FETCHED, FOUND) if f'"{outcome}"' in log), "")


def pods_of(namespace: Namespace) -> list[str]:
    return [pod["metadata"]["name"] for pod in namespace.all(POD) if "deletionTimestamp" not in pod["metadata"]]


def mounted(namespace: Namespace, shelf: Path) -> Path:
    """Where it is: in the directory of the namespace."""
    return shelf.parent / namespace.name / shelf.name


def files(namespace: Namespace, shelf: Path) -> list[Path]:
    """Those of models: the largest there are."""
    return sorted(path for path in mounted(namespace, shelf).glob("*/model/**/*") if path.is_file())


def switch(namespace: Namespace, archive: str, *, artifacts: str) -> str:
    """Another artifact for the model, ready; name of the instance."""
    spec = a_titanic_model("titanic", archive, artifacts=artifacts)["spec"]
    namespace.edit(MODEL, "titanic", {key: spec[key] for key in ("artifact", "artifactDigest")})
    namespace.until_condition("titanic", "RolledOut", "True", kind=MODEL)
    namespace.until_ready("titanic")
    (name,) = (m["metadata"]["name"] for m in namespace.instances("titanic") if m["spec"]["artifact"].endswith(archive))
    return str(name)


def test_two_replicas_fetch_once_and_a_touched_file_is_fetched_anew(
    shop: Namespace, shelf: Path, artifacts: str
) -> None:
    serve(shop, shelf, artifacts=artifacts, instances=2)

    pods = pods_of(shop)
    assert outcomes(shop, pods) == sorted([FOUND, FETCHED])

    touched = files(shop, shelf)[0]
    good = touched.read_bytes()
    touched.write_bytes(good[:-1])
    shop.delete(POD, pods[0])
    (newcomer,) = wait_until(lambda: set(pods_of(shop)) - set(pods), "another pod has come")

    assert outcomes(shop, [newcomer]) == [FETCHED]
    assert touched.read_bytes() == good


def test_a_version_that_comes_back_finds_its_files_and_deletion_leaves_them(
    shop: Namespace, shelf: Path, artifacts: str
) -> None:
    serve(shop, shelf, artifacts=artifacts, instances=1)
    (first,) = shop.instances("titanic")

    switch(shop, RFC, artifacts=artifacts)
    wait_until(lambda: len(shop.instances("titanic")) == 1, "the old version is gone")
    again = switch(shop, LR, artifacts=artifacts)

    assert again == first["metadata"]["name"]
    back = [name for name in pods_of(shop) if name.startswith(again)]
    assert outcomes(shop, back) == [FOUND]

    until_empty([shop])
    wait_until(lambda: not _volumes(shop), "no volume is left", last=lambda: _volumes(shop))
    assert {path.relative_to(mounted(shop, shelf)).parts[0] for path in files(shop, shelf)} >= {again}


def test_a_claim_that_is_deleted_by_hand_is_made_again_and_finds_the_files(
    shop: Namespace, shelf: Path, artifacts: str
) -> None:
    serve(shop, shelf, artifacts=artifacts, instances=1)
    (instance,) = (model["metadata"]["name"] for model in shop.instances("titanic"))
    (pod,) = pods_of(shop)
    uid = shop.get(CLAIM, instance)["metadata"]["uid"]

    shop.delete(CLAIM, instance)
    shop.delete(POD, pod)  # a claim in use waits for it
    wait_until(lambda: instance in others(shop, CLAIM, uid), "another claim is made")

    (newcomer,) = wait_until(lambda: set(pods_of(shop)) - {pod}, "another pod has come")
    assert outcomes(shop, [newcomer]) == [FOUND]
    shop.until_ready("titanic")


def test_pods_that_come_back_find_the_files_of_an_earlier_releases_user(
    shop: Namespace, shelf: Path, artifacts: str, both: list[Gateway]
) -> None:
    serve(shop, shelf, artifacts=artifacts, instances=1)
    (instance,) = (model["metadata"]["name"] for model in shop.instances("titanic"))
    pods = pods_of(shop)

    fetched = list((mounted(shop, shelf) / instance).rglob("*"))
    for path in fetched:
        os.chown(path, EARLIER_USER, -1, follow_symlinks=False)
    shop.delete(DEPLOYMENT, instance)
    (newcomer,) = wait_until(lambda: set(pods_of(shop)) - set(pods), "another pod has come")

    assert outcomes(shop, [newcomer]) == [FOUND]
    shop.until_ready("titanic")
    wait_until(
        lambda: statuses_of(shop, both) == {200}, "gateways know the new pod", last=lambda: statuses_of(shop, both)
    )
    assert {path.stat().st_uid for path in fetched} == {EARLIER_USER}


def test_an_instance_that_is_deleted_by_hand_serves_until_another_has_taken_over(
    shop: Namespace, shelf: Path, artifacts: str, both: list[Gateway]
) -> None:
    serve(shop, shelf, artifacts=artifacts, instances=1)
    (instance,) = (model["metadata"]["name"] for model in shop.instances("titanic"))

    shop.delete(MODEL, instance)
    answers = statuses_of(shop, both)
    switch(shop, RFC, artifacts=artifacts)
    shop.until_gone(MODEL, instance)

    assert answers == {200}


def statuses_of(namespace: Namespace, gateways: list[Gateway]) -> set[int]:
    return statuses(gateways, namespace.host("titanic"), body=PASSENGERS)


def others(namespace: Namespace, kind: Kind, uid: str) -> list[str]:
    """Names of objects that are not the one with this uid."""
    return [obj["metadata"]["name"] for obj in namespace.all(kind) if obj["metadata"]["uid"] != uid]


def _volumes(namespace: Namespace) -> list[str]:
    names = (volume["metadata"]["name"] for volume in namespace.server.read(VOLUME.path())["items"])
    return [name for name in names if name.startswith(f"{namespace.name}.")]


def test_the_claim_is_of_the_namespaces_directory_alone(shop: Namespace, shelf: Path, artifacts: str) -> None:
    serve(shop, shelf, artifacts=artifacts, instances=1)
    (instance,) = (model["metadata"]["name"] for model in shop.instances("titanic"))

    volume = shop.server.read(VOLUME.path(name=f"{shop.name}.{instance}"))

    assert volume["spec"]["local"]["path"] == str(shelf.parent / shop.name)


def test_a_directory_elsewhere_is_refused(shop: Namespace, artifacts: str) -> None:
    shop.apply(
        a_titanic_model("titanic", LR, artifacts=artifacts),
        a_config("titanic", a_variant("blue", "titanic") | {"path": "/etc"}),
        an_endpoint("titanic", config="titanic", host=shop.host("titanic")),
    )

    refused = shop.until_condition("titanic", "ConfigResolved", "False")

    assert "/etc" in str(refused["status"]["conditions"])
    assert shop.instances("titanic") == []
    shop.apply(a_config("titanic", a_variant("blue", "titanic")))
    shop.until_condition("titanic", "ConfigResolved", "True")
