"""The proxy in front of a model, by Debian's nginx: what it passes on, refuses, measures and logs, how it ends."""

import http.client
import io
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.images.processes import ROOT, Running, nginx, until
from tests.images.upstream import Upstream, upstream
from tests.kit.ports import free_port, listens

pytestmark = pytest.mark.usefixtures("_base_unpacked")
TEMPLATE = (ROOT / "images" / "nginx" / "nginx.conf.template").read_text()


@pytest.fixture
def model() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def proxy(model: Upstream, tmp_path: Path) -> Iterator[Running]:
    with nginx(tmp_path, MODEL_PORT=str(model.port), ENDPOINT="titanic", VARIANT="blue", INSTANCE="rfc-1") as running:
        yield running


def monitoring(proxy: Running, path: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.monitoring)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()


def test_a_caller_s_request_id_is_passed_on_returned_and_logged(proxy: Running, model: Upstream) -> None:
    reply = proxy.ask("POST", "/invocations", b"x", x_request_id="from-the-caller")
    assert reply.headers["x-request-id"] == "from-the-caller"
    assert model.requests[0]["x-request-id"] == "from-the-caller"
    assert len(proxy.lines(holding="from-the-caller")) == 1


@pytest.mark.parametrize(
    "headers", [{}, {"x_request_id": ""}, {"x_request_id": 'a"b\\c d'}, {"x_request_id": "x" * 200}]
)
def test_a_request_without_a_usable_id_gets_one(headers: dict[str, str], proxy: Running, model: Upstream) -> None:
    made = proxy.ask("POST", "/invocations", b"x", **headers).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert model.requests[0]["x-request-id"] == made
    assert len(proxy.lines(holding=made)) == 1


def test_each_request_is_logged_as_json(proxy: Running) -> None:
    proxy.ask("POST", '/inv"oc\\ations?secret=1', b"x", x_request_id="the-one")
    (line,) = proxy.lines(holding="the-one")
    assert line["bytes_in"] > 0
    assert line["request_time"] >= 0
    assert float(line["upstream_time"]) >= 0
    assert {key: line[key] for key in line if key not in {"time", "bytes_in", "request_time", "upstream_time"}} == {
        "request_id": "the-one",
        "method": "POST",
        "path": '/inv"oc\\ations',
        "status": 200,
        "upstream_status": "200",
        "bytes_out": 2,
        "endpoint": "titanic",
        "variant": "blue",
        "instance": "rfc-1",
    }


def test_six_megabytes_pass_and_more_is_refused_with_the_reason(proxy: Running, model: Upstream) -> None:
    assert proxy.ask("POST", "/invocations", bytes(6 * 1024 * 1024)).status == 200
    assert len(model.bodies[0]) == 6 * 1024 * 1024
    reply = proxy.ask("POST", "/invocations", bytes(6 * 1024 * 1024 + 1))
    assert (reply.status, reply.json) == (413, {"error": "the body is larger than 6m"})
    assert len(model.requests) == 1


def test_the_body_limit_is_a_setting_and_holds_without_a_length_too(model: Upstream, tmp_path: Path) -> None:
    with nginx(tmp_path, MODEL_PORT=str(model.port), MAX_BODY_SIZE="1k") as proxy:
        assert proxy.ask("POST", "/invocations", io.BytesIO(bytes(2000))).status == 413
        assert proxy.ask("POST", "/invocations", bytes(1000)).status == 200


def test_a_model_that_takes_too_long_is_given_up_with_the_reason(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        nginx(tmp_path, MODEL_PORT=str(silent.getsockname()[1]), INVOCATION_TIMEOUT="100ms") as proxy,
    ):
        reply = proxy.ask("POST", "/invocations", b"x", x_request_id="slow")
        assert (reply.status, reply.json) == (504, {"error": "the model did not answer within 100ms"})
        assert reply.headers["x-request-id"] == "slow"


def test_an_answer_streams_through_before_it_is_whole(proxy: Running, model: Upstream) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.port)) as connection:
        connection.request("GET", "/hold")
        answer = connection.getresponse()
        assert answer.read(6) == b"first "
        model.go_on.set()
        assert answer.read() == b"second"


def test_connections_to_the_model_are_kept(proxy: Running, model: Upstream) -> None:
    for _ in range(5):
        proxy.ask("POST", "/invocations", b"x")
    assert len(set(model.callers)) == 1


def test_sigquit_lets_the_request_in_flight_finish_and_takes_no_other(proxy: Running, model: Upstream) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.port)) as connection:
        connection.request("GET", "/hold")
        answer = connection.getresponse()
        assert answer.read(6) == b"first "
        proxy.process.send_signal(signal.SIGQUIT)
        until(lambda: not listens(proxy.port))
        model.go_on.set()
        assert answer.read() == b"second"
    assert proxy.process.wait() == 0


def test_monitoring_says_that_nginx_is_well_whatever_the_model_does(tmp_path: Path) -> None:
    with nginx(tmp_path, MODEL_PORT=str(free_port())) as proxy:
        assert monitoring(proxy, "/healthz") == "ok\n"


@pytest.mark.parametrize(
    "name",
    [
        "MODEL_PORT",
        "MAX_BODY_SIZE",
        "BODY_ROOM",
        "INVOCATION_TIMEOUT",
        "HEALTH_PATH",
        "ENDPOINT",
        "VARIANT",
        "INSTANCE",
        "MODEL",
        "VERSION",
        "CPU_REQUESTED",
        "MEMORY_LIMIT",
    ],
)
def test_a_setting_that_could_write_configuration_is_refused(name: str) -> None:
    entrypoint = ROOT / "images" / "nginx" / "entrypoint"
    done = subprocess.run(["sh", entrypoint], env={name: "1; }"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (64, f"{name} is '1; }}': letters, digits and -._~/ only\n")


def test_every_client_side_gives_up_an_idle_connection_before_its_server_does() -> None:
    to_the_gateway, to_the_model = map(int, re.findall(r"keepalive_timeout +(\d+)s;", TEMPLATE))
    source = (ROOT / "images" / "model" / "server" / "__main__.py").read_text()
    model = int(re.findall(r"IDLE_SECONDS = (\d+)", source)[0])
    assert to_the_gateway > 30
    assert to_the_model < model
