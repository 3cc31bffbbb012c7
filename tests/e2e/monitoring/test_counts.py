"""10,000 requests with known statuses are counted exactly by variant and version, at the pods and by Prometheus.

Also through an update, which changes the version but not the template's name, and a drain.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from mlendpoints.api.labels import MODEL_VERSION
from mlendpoints.edge.kube.kinds import MODEL, POD
from tests.e2e.conftest import MakeNamespace, leave
from tests.e2e.gateway import Gateway
from tests.e2e.monitoring.callers import Callers, Counts, exported, versions_of
from tests.e2e.monitoring.prometheus import Prometheus
from tests.e2e.namespace import Namespace, kubectl
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit.waiting import wait_until

REQUESTS = 10_000
SHARES = {200: 90, 400: 5, 429: 1, 500: 3, 503: 1}  # percent
STATUSES = [{"status": code} for code, share in SHARES.items() for _ in range(REQUESTS * share // 100)]
NAME = "counted"
INTERVAL = 6.0  # seconds between scrapes, and a second for the scrape


@pytest.fixture(scope="module")
def place(make_namespace: MakeNamespace) -> Iterator[Namespace]:
    namespace = make_namespace()
    namespace.apply(
        an_echo("changing", answer="old"),
        an_echo("other"),
        a_config(NAME, a_variant("blue", "changing", weight=3, instances=2), a_variant("green", "other")),
        an_endpoint(NAME, config=NAME, host=namespace.host(NAME)),
    )
    namespace.until_ready(NAME)
    yield namespace
    leave(namespace)


@pytest.fixture
def callers(place: Namespace, both: list[Gateway]) -> Callers:
    return Callers(both, place.host(NAME))


@pytest.fixture(scope="module")
def sent() -> Counts:
    """By all callers so far."""
    return Counter()


@pytest.fixture(scope="module")
def versions(place: Namespace) -> dict[str, str]:
    """By the text of their responses; the updated one is added by its test."""
    return versions_of(place)


def test_pods_count_every_request_by_variant_version_and_status(
    place: Namespace, callers: Callers, sent: Counts, versions: dict[str, str]
) -> None:
    bodies = list(STATUSES)
    random.Random(1).shuffle(bodies)  # noqa: S311 - an order, the same each time
    callers.send(bodies)
    sent.update(callers.by_version(versions))
    assert sent.total() == REQUESTS
    assert by_status(sent) == {str(code): REQUESTS * share // 100 for code, share in SHARES.items()}
    assert {key[:2] for key in sent} == {("blue", versions["old"]), ("green", versions["other"])}
    wait_until(lambda: exported(place, NAME) == sent, "pods count the same", last=lambda: exported(place, NAME))


def test_pods_of_two_versions_count_their_own_requests_during_an_update(
    place: Namespace, callers: Callers, sent: Counts, versions: dict[str, str], addon: Prometheus
) -> None:
    with callers.sending(STATUSES[::100]):
        place.edit(MODEL, "changing", an_echo("changing", answer="new")["spec"])
        wait_until(lambda: "new" in {answer for _, answer, _ in callers.counts}, "the new version answers")
        versions |= versions_of(place)
        place.until_rolled_out(NAME)
        wait_until(lambda: not pods(place, versions["old"]), "the previous pods are gone")
    assert versions["old"] != versions["new"]
    seen = callers.by_version(versions)
    assert {version for variant, version, _ in seen if variant == "blue"} == {versions["old"], versions["new"]}
    left = Counter({key: count for key, count in (sent + seen).items() if key[1] != versions["old"]})
    wait_until(lambda: exported(place, NAME) == left, "the pods that are left count the same")
    sent.update(seen)
    wait_until(lambda: scraped(addon, place) == sent, "Prometheus counts the same", last=lambda: scraped(addon, place))


def test_a_killed_pod_takes_along_at_most_what_it_served_since_its_last_scrape(
    place: Namespace, callers: Callers, sent: Counts, versions: dict[str, str], addon: Prometheus
) -> None:
    victim = pods(place, versions["new"])[0]
    with callers.sending([{"status": 200}] * 100):
        wait_until(lambda: scraped(addon, place).total() > sent.total() + 500, "Prometheus has seen some of them")
        killed = time.time()
        kubectl("--namespace", place.name, "delete", "pod", victim, "--grace-period=0", "--force")
        wait_until(lambda: victim not in pods(place, versions["new"]), "the pod is gone")
    ended = time.time()
    wait_until(lambda: oldest_scrape(addon, place) > ended, "Prometheus has scraped the others")
    missing = (sent + callers.by_version(versions)).total() - scraped(addon, place).total()
    assert 0 <= missing <= sum(moment > killed - INTERVAL for moment in callers.answered)


def test_no_target_is_down_afterwards(addon: Prometheus) -> None:
    wait_until(lambda: set(addon.targets().values()) == {"up"}, "all targets are up", last=addon.targets)


def pods(place: Namespace, version: str) -> list[str]:
    """Names of those of a version."""
    found = (pod["metadata"] for pod in place.all(POD))
    return [metadata["name"] for metadata in found if metadata["labels"][MODEL_VERSION] == version]


def by_status(counts: Counts) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, _, code), count in counts.items():
        found[code] += count
    return found


def oldest_scrape(addon: Prometheus, place: Namespace) -> float:
    """Of the pods that are scraped now, by the wall clock."""
    of = f'{{namespace="{place.name}", endpoint="{NAME}"}}'
    return min(value for _, value in addon.query(f"timestamp(mlendpoints_requests_in_flight{of})"))


def scraped(addon: Prometheus, place: Namespace) -> Counts:
    return addon.counted(place.name, NAME)
