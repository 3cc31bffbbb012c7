"""What a download came to is told once its fetcher has ended well."""

import json

import pytest
from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.fetched import fetched
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.plan import SetStatus
from mlendpoints.core.world import ContainerFacts, PodFacts
from tests.kit import builders
from tests.simulation import Cluster
from tests.simulation_mlmodel import Namespace

GIBIBYTE = 1 << 30


def a_pod(  # noqa: PLR0913 - what a pod and its fetcher say
    name: str = "p",
    *,
    instance: str = "rfc-1",
    version: str = "",
    code: int = 0,
    size: int = GIBIBYTE,
    words: str | None = None,
) -> PodFacts:
    said = json.dumps({"bytes": size, "total": size, "seconds": 4.0, "bytesPerSecond": size // 4})
    container = ContainerFacts(name="model-init", exit_code=code, termination_message=said if words is None else words)
    return PodFacts(name=name, instance=instance, version=version, containers=(container,))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (GIBIBYTE, "1 GiB in 4.0 s (256 MiB/s)"),
        (1_288_490_188, "1.2 GiB in 4.0 s (307.2 MiB/s)"),
        (400, "400 B in 4.0 s (100 B/s)"),
        (0, "0 B in 4.0 s (0 B/s)"),
        (5_000 << 40, "5000 TiB in 4.0 s (1250 TiB/s)"),
    ],
)
def test_it_is_told_in_units_that_people_read(size: int, words: str) -> None:
    assert fetched([a_pod(size=size)]) == words


@pytest.mark.parametrize("pod", [a_pod(words=""), a_pod(words="Killed"), a_pod(words="{}"), a_pod(code=10)])
def test_a_fetcher_that_failed_or_found_it_installed_tells_nothing(pod: PodFacts) -> None:
    assert fetched([pod]) == ""


def test_it_is_that_of_the_first_pod_that_fetched() -> None:
    assert fetched([a_pod("c", size=1), a_pod("b"), a_pod("a", words="")]) == "1 GiB in 4.0 s (256 MiB/s)"


def test_an_mlmodel_tells_it_of_its_version_also_when_the_pod_has_gone() -> None:
    namespace = Namespace(builders.an_mlmodel()).settle()
    world = namespace.world()
    job = a_pod(instance=f"titanic-{namespace.status.version}")
    told = plan_mlmodel(replace(world, pods=(*world.pods, job))).status

    assert told is not None
    assert told.fetched == "1 GiB in 4.0 s (256 MiB/s)"
    later = replace(world, model=replace(world.model, status=told))
    assert plan_mlmodel(later).status is None
    edited = replace(later, model=replace(later.model, spec=replace(later.model.spec, image="next")))
    requested = plan_mlmodel(edited).status
    assert requested is not None
    assert requested.fetched == ""


def test_a_model_instance_tells_it() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    world = cluster.world()
    pods = tuple(replace(pod, containers=a_pod().containers) for pod in world.pods)

    (status,) = (each for each in plan_endpoint(replace(world, pods=pods)).writes if isinstance(each, SetStatus))

    assert status.status["fetched"] == "1 GiB in 4.0 s (256 MiB/s)"
