"""The pod's metrics: Prometheus' format, what is declared, labels of the pod, bounds on memory and on scrapes."""

import http.client
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.images.metered import (
    DECLARED,
    DURATION,
    IN_FLIGHT,
    LATENCIES,
    LOST,
    Pod,
    a_pod,
    buckets,
    codes,
    metrics,
    monitoring,
    value,
)
from tests.images.processes import Running, ask, nginx, started
from tests.images.upstream import Upstream, upstream
from tests.kit.model_proxy import entrypoint, put_proxy
from tests.kit.ports import free_port

pytestmark = pytest.mark.usefixtures("_base_unpacked")
LABELS = {"endpoint": "titanic", "variant": "blue", "model": "rfc", "version": "1"}
EVERYWHERE = [each for each in DECLARED["metrics"] if "only" not in each]
SIZES = {"CPU_REQUESTED": "0.5", "MEMORY_LIMIT": "536870912"}


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    with a_pod(tmp_path, **{name.upper(): text for name, text in LABELS.items()}, **SIZES) as running:
        yield running


def test_the_text_is_prometheus_own_and_holds_what_is_declared_and_no_more(pod: Pod) -> None:
    assert monitoring(pod.proxy, "/metrics").headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {name: (family.type, family.documentation) for name, family in metrics(pod.proxy).items()}
    assert found == {each["name"]: (each["type"], each["help"]) for each in EVERYWHERE}


def test_every_sample_has_the_labels_of_its_pod_and_few_others(pod: Pod) -> None:
    pod.proxy.ask("POST", "/invocations?user=1", b"x", x_request_id="a-caller")
    further = {each["name"]: set(each.get("labels", [])) for each in EVERYWHERE}
    for name, family in metrics(pod.proxy).items():
        for sample in family.samples:
            assert sample.labels.items() >= LABELS.items()
            assert set(sample.labels) - set(LABELS) - {"le"} == further[name]


def test_requested_sizes_are_constant_gauges(pod: Pod) -> None:
    assert value(pod.proxy, "mlendpoints_cpu_requested_cores") == 0.5
    assert value(pod.proxy, "mlendpoints_memory_limit_bytes") == 512 * 1024 * 1024


def test_a_pod_of_an_earlier_template_counts_without_the_names_that_it_lacks(tmp_path: Path) -> None:
    with a_pod(tmp_path, ENDPOINT="titanic", VARIANT="blue") as pod:
        assert pod.proxy.ask("POST", "/invocations", b"x").status == 200
        assert pod.codes() == {"200": 1}
        found = metrics(pod.proxy)
    assert found[IN_FLIGHT].samples[0].labels == LABELS | {"model": "", "version": ""}
    constants = {"mlendpoints_cpu_requested_cores", "mlendpoints_memory_limit_bytes"}
    assert found.keys() == {each["name"] for each in EVERYWHERE} - constants


def test_usual_statuses_begin_at_zero_so_that_rates_see_the_first_request(pod: Pod) -> None:
    samples = metrics(pod.proxy)["mlendpoints_requests_total"].samples
    assert {sample.labels["code"]: sample.value for sample in samples} == dict.fromkeys(DECLARED["codes"], 0)


def test_buckets_reach_to_a_minute_or_to_the_endpoint_s_own_time_limit(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "longer").mkdir()
    with nginx(tmp_path / "default") as proxy:
        usual = buckets(proxy, DURATION)
    with nginx(tmp_path / "longer", INVOCATION_TIMEOUT="3600s") as proxy:
        longer = buckets(proxy, DURATION)
    assert list(usual) == [*(str(bound / 1000).removesuffix(".0") for bound in DECLARED["buckets"]), "+Inf"]
    assert list(usual)[-2] == "60"
    assert list(longer) == [*list(usual)[:-1], "3600", "+Inf"]


def test_there_is_room_for_every_status_that_a_model_can_send(pod: Pod) -> None:
    sent = answered_with(pod, range(200, 1000))
    assert pod.codes() == sent
    assert value(pod.proxy, LOST) == 0


def answered_with(pod: Pod, statuses: range) -> Counter[str]:
    connection = http.client.HTTPConnection("127.0.0.1", pod.proxy.port)
    got = Counter(str(ask(connection, "GET", f"/status/{status}", headers={}).status) for status in statuses)
    connection.close()
    return got


def test_what_does_not_fit_in_memory_is_counted_as_lost(tmp_path: Path) -> None:
    with upstream() as model, small(tmp_path, model) as proxy:
        sent = sum(answered_with(Pod(model, proxy), range(200, 1000)).values())
        kept = [sum(codes(proxy).values()), *(value(proxy, name, suffix="_count") for name in (DURATION, *LATENCIES))]
        assert kept[0] < sent
        assert value(proxy, LOST) == sum(sent - each for each in kept)


@contextmanager
def small(folder: Path, model: Upstream) -> Iterator[Running]:
    """The proxy with less memory for its metrics than they can take."""
    port, scrapes = free_port(), free_port()
    settings = put_proxy(folder, port=port, monitoring=scrapes) | {"MODEL_PORT": str(model.port)}
    template = entrypoint(folder).with_name("nginx.conf.template")
    text = template.read_text()
    assert "zone=metrics:256k" in text
    template.write_text(text.replace("zone=metrics:256k", "zone=metrics:32k"))
    command = ["sh", str(entrypoint(folder))]
    with started(command, port=port, monitoring=scrapes, output=folder / "log", env=settings) as running:
        yield running


def test_a_flood_of_scrapes_is_limited_and_reaches_neither_probes_nor_callers_nor_prometheus(pod: Pod) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", pod.proxy.monitoring)) as scraper:
        got = Counter(ask(scraper, "GET", "/metrics", headers={}).status for _ in range(200))
        assert set(got) == {200, 429}
        assert ask(scraper, "GET", "/ready", headers={}).status == 200
        assert ask(scraper, "GET", "/healthz", headers={}).status == 200
    other = ("127.0.0.2", 0)
    with closing(http.client.HTTPConnection("127.0.0.1", pod.proxy.monitoring, source_address=other)) as prometheus:
        assert ask(prometheus, "GET", "/metrics", headers={}).status == 200
    assert pod.proxy.ask("POST", "/invocations", b"x").status == 200
    assert pod.codes() == {"200": 1}


def test_the_context_of_a_trace_passes_unchanged(pod: Pod) -> None:
    trace = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    }
    assert pod.proxy.ask("POST", "/invocations", b"x", **trace).status == 200
    assert pod.model.requests[0].items() >= trace.items()
