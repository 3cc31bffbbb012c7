"""What callers get through each pod of the gateway."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlendpoints.api.labels import INVOKED_VARIANT_HEADER
from tests.e2e.gateway import CALLERS, Gateway
from tests.e2e.namespace import Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint

REQUESTS = 2000
SIGMAS = 5  # a right split is outside of this once in 1.7 million runs
WOMAN = json.dumps({"class": "1st", "sex": "female", "age": "adult"})


def tally(both: list[Gateway], host: str, *, requests: int, variant: str = "") -> Counter[str]:
    """Variants that answered, the gateway's pods asked in turn."""

    def ask(number: int) -> str:
        return both[number % len(both)].variant(host, variant=variant, body=WOMAN)

    with ThreadPoolExecutor(CALLERS) as callers:
        answers: Iterable[str] = callers.map(ask, range(requests))
        return Counter(answers)


def test_the_gateway_has_two_pods_at_least(both: list[Gateway]) -> None:
    assert len({gateway.address for gateway in both}) >= 2


def test_predictions_come_back_through_every_gateway_pod(titanic: Namespace, both: list[Gateway]) -> None:
    for gateway in both:
        response = gateway.invoke(titanic.host("titanic"), body=WOMAN)
        assert response.status_code == 200
        assert response.json()["survived"] == "yes"
        assert response.headers[INVOKED_VARIANT_HEADER] in ("blue", "green")


def test_traffic_splits_90_to_10(titanic: Namespace, both: list[Gateway]) -> None:
    counts = tally(both, titanic.host("titanic"), requests=REQUESTS)
    assert counts.keys() == {"blue", "green"}
    deviation = math.sqrt(REQUESTS * 0.9 * 0.1)
    assert abs(counts["blue"] - REQUESTS * 0.9) <= SIGMAS * deviation


@pytest.mark.parametrize("variant", ["blue", "green"])
def test_a_variant_forced_by_header_answers_everything(titanic: Namespace, both: list[Gateway], variant: str) -> None:
    counts = tally(both, titanic.host("titanic"), requests=200, variant=variant)
    assert counts == {variant: 200}


def test_an_unknown_variant_is_refused_with_the_known_ones(titanic: Namespace, both: list[Gateway]) -> None:
    for gateway in both:
        response = gateway.invoke(titanic.host("titanic"), variant="red")
        assert response.status_code == 400
        assert "blue, green" in response.json()["error"]


def test_a_bad_row_is_the_callers_mistake(titanic: Namespace, both: list[Gateway]) -> None:
    for gateway in both:
        assert gateway.invoke(titanic.host("titanic"), body="{}").status_code == 400


def test_a_host_of_nobody_is_not_answered(titanic: Namespace, both: list[Gateway]) -> None:
    for gateway in both:
        assert gateway.invoke(titanic.host("nobody")).status_code == 404


def test_a_model_s_faults_cost_nobody_else_a_request(namespace: Namespace, both: list[Gateway]) -> None:
    host = namespace.host("odd")
    namespace.apply(
        an_echo("echo"),
        a_config("cfg", a_variant("blue", "echo", instances=3)),
        an_endpoint("odd", config="cfg", host=host),
    )
    namespace.until_ready("odd")
    for gateway in both:
        _an_informational_answer_is_rejected_alone(gateway, host)
        _a_websocket_is_rejected_before_the_model_works(gateway, host)
        _a_ping_in_another_spelling_is_no_ping(gateway, host)
    _who_finds_a_dead_model_is_sent_to_another_pod(both, host)


def _an_informational_answer_is_rejected_alone(gateway: Gateway, host: str) -> None:
    with ThreadPoolExecutor(CALLERS) as callers:
        early = callers.map(lambda _: gateway.invoke(host, body='{"early": 103}'), range(CALLERS))
        others = list(callers.map(lambda _: gateway.invoke(host), range(5 * CALLERS)))
        assert {(answer.status_code, "1xx" in answer.json()["error"]) for answer in early} == {(502, True)}
    assert {(answer.status_code, answer.text) for answer in others} == {(200, "echo")}


def _a_websocket_is_rejected_before_the_model_works(gateway: Gateway, host: str) -> None:
    head = f"Host: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    for request in (f"GET / HTTP/1.1\r\n{head}\r\n", f"POST / HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\n{{}}"):
        answer = gateway.raw(request.encode(), until=b"}\n")
        assert answer.startswith(b"HTTP/1.1 501 ")
        assert b"WebSocket is not supported" in answer


def _a_ping_in_another_spelling_is_no_ping(gateway: Gateway, host: str) -> None:
    for path in ("//.well-known/mlendpoints/ping", "/.well-known//mlendpoints/ping", "/.well-known/mlendpoints%2fping"):
        answer = gateway.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), until=b"}\n")
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"proxy's own" in answer


def _who_finds_a_dead_model_is_sent_to_another_pod(both: list[Gateway], host: str) -> None:
    assert both[0].invoke(host, body='{"exit": 1}').status_code == 502
    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(lambda number: both[number % len(both)].invoke(host), range(REQUESTS // 4)))
    assert Counter((answer.status_code, answer.text) for answer in answers) == {(200, "echo"): len(answers)}
