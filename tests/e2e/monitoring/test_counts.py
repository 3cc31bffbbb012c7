"""10,000 requests with known statuses are counted exactly, by pods, and by Prometheus through an update and a drain."""

import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from mlendpoints.edge.kube.kinds import CONFIG, POD
from tests.e2e.conftest import MakeNamespace, leave
from tests.e2e.gateway import Gateway
from tests.e2e.monitoring.callers import Callers, Counts, exported
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
        an_echo("one"),
        an_echo("two"),
        an_echo("other"),
        a_config(NAME, a_variant("blue", "one", weight=3, instances=2), a_variant("green", "other")),
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


def test_pods_count_every_request_by_variant_version_and_status(
    place: Namespace, callers: Callers, sent: Counts
) -> None:
    bodies = list(STATUSES)
    random.Random(1).shuffle(bodies)  # noqa: S311 - an order, the same each time
    callers.send(bodies)
    sent.update(callers.counts)
    assert sent.total() == REQUESTS
    assert by_status(sent) == {str(code): REQUESTS * share // 100 for code, share in SHARES.items()}
    wait_until(lambda: exported(place, NAME) == sent, "pods count the same", last=lambda: exported(place, NAME))


def test_prometheus_counts_every_request_through_an_update_and_a_drain(
    place: Namespace, callers: Callers, sent: Counts, addon: Prometheus
) -> None:
    with callers.sending(STATUSES[::100]):
        place.edit(
            CONFIG, NAME, a_config(NAME, a_variant("blue", "two", weight=3), a_variant("green", "other"))["spec"]
        )
        place.until_rolled_out(NAME)
        wait_until(lambda: not any(name.startswith("one-") for name in pods(place)), "the previous pods are gone")
    sent.update(callers.counts)
    assert {model for variant, model, _ in callers.counts if variant == "blue"} == {"one", "two"}
    wait_until(lambda: scraped(addon, place) == sent, "Prometheus counts the same", last=lambda: scraped(addon, place))


def test_a_killed_pod_takes_along_at_most_what_it_served_since_its_last_scrape(
    place: Namespace, callers: Callers, sent: Counts, addon: Prometheus
) -> None:
    victim = next(name for name in pods(place) if name.startswith("two-"))
    with callers.sending([{"status": 200}] * 100):
        wait_until(lambda: scraped(addon, place).total() > sent.total() + 500, "Prometheus has seen some of them")
        killed = time.time()
        kubectl("--namespace", place.name, "delete", "pod", victim, "--grace-period=0", "--force")
        wait_until(lambda: victim not in pods(place), "the pod is gone")
    ended = time.time()
    wait_until(lambda: oldest_scrape(addon, place) > ended, "Prometheus has scraped the others")
    served = Counter({key: count for key, count in callers.counts.items() if key[0]})  # not by the gateway itself
    missing = (sent + served).total() - scraped(addon, place).total()
    assert 0 <= missing <= sum(moment > killed - INTERVAL for moment in callers.answered)


def test_no_target_is_down_afterwards(addon: Prometheus) -> None:
    wait_until(lambda: set(addon.targets().values()) == {"up"}, "all targets are up", last=addon.targets)


def pods(place: Namespace) -> list[str]:
    return [pod["metadata"]["name"] for pod in place.all(POD)]


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
    """What Prometheus has ever seen of each pod: counters start at 0 with their pod."""
    of = f'{{namespace="{place.name}", endpoint="{NAME}"}}'
    series = addon.query(f"sum by (variant, model, code) (max_over_time(mlendpoints_requests_total{of}[1h])) > 0")
    return Counter({(labels["variant"], labels["model"], labels["code"]): int(value) for labels, value in series})
