"""The Titanic server keeps SageMaker's container contract."""

import http.client
import io
import json
import signal
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.images.processes import ROOT, Running, ask, model_server, until
from tests.kit.ports import listens

JSON = {"content_type": "application/json"}
CSV = {"content_type": "text/csv"}
WOMAN = {"class": "1st", "sex": "female", "age": "adult"}
SAILOR = {"class": "crew", "sex": "male", "age": "adult"}


def saved(prediction: dict[str, object]) -> bool:
    """Whether a prediction is well formed and says yes."""
    assert set(prediction) == {"survived", "probability"}
    probability = prediction["probability"]
    assert isinstance(probability, float)
    assert (prediction["survived"] == "yes") == (probability > 0.5)
    return prediction["survived"] == "yes"


def test_it_says_when_it_is_ready(server: Running) -> None:
    assert server.ask("GET", "/ping").status == 200


def test_one_object_is_answered_by_one(server: Running) -> None:
    reply = server.ask("POST", "/invocations", json.dumps(WOMAN), **JSON)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert saved(reply.json)


def test_a_list_is_answered_by_a_list_in_order(server: Running) -> None:
    reply = server.ask("POST", "/invocations", json.dumps([SAILOR, WOMAN, SAILOR]), **JSON)
    assert [saved(each) for each in reply.json] == [False, True, False]


def test_instances_are_answered_by_predictions(server: Running) -> None:
    reply = server.ask("POST", "/invocations", json.dumps({"instances": [WOMAN, SAILOR]}), **JSON)
    assert [saved(each) for each in reply.json["predictions"]] == [True, False]


def test_csv_without_a_header_is_answered_without_one(server: Running) -> None:
    reply = server.ask("POST", "/invocations", "1st,female,adult\ncrew,male,adult\n", **CSV)
    assert reply.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in reply.body.decode().splitlines()] == ["yes", "no"]


def test_csv_with_a_header_in_any_order_is_answered_with_one(server: Running) -> None:
    body = '\ufeffage, sex, class\r\n"adult",female,1st\r\n'.encode()
    reply = server.ask("POST", "/invocations", body, **CSV)
    assert [line.split(",")[0] for line in reply.body.decode().splitlines()] == ["survived", "yes"]


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*;q=0.5", "text/csv"),
        ("image/png, text/csv", "text/csv"),
    ],
)
def test_the_answer_is_what_the_caller_accepts(accept: str, answered: str, server: Running) -> None:
    reply = server.ask("POST", "/invocations", json.dumps([WOMAN]), **JSON, accept=accept)
    assert reply.headers["content-type"].split(";")[0] == answered


def test_json_and_csv_say_the_same(server: Running) -> None:
    from_json = server.ask("POST", "/invocations", json.dumps([WOMAN, SAILOR]), **JSON, accept="text/csv")
    from_csv = server.ask("POST", "/invocations", "1st,female,adult\ncrew,male,adult", **CSV)
    assert from_json.body == from_csv.body


@pytest.mark.parametrize(
    ("body", "media", "reason"),
    [
        ("{", JSON, "the body is not JSON"),
        ("", JSON, "the body is not JSON"),
        ("[" * 100_000, JSON, "the body is not JSON"),
        (b"\xff\xfe\x00", JSON, "the body is not JSON"),
        ("1", JSON, "must be an object, a list of objects"),
        ("[]", JSON, "no row"),
        ('{"instances": []}', JSON, "no row"),
        ("[1]", JSON, "row 1 is not an object with the fields class, sex, age"),
        (json.dumps([WOMAN, {"class": "1st", "sex": "female"}]), JSON, "row 2 lacks the field 'age'"),
        (json.dumps({**WOMAN, "fare": 7}), JSON, "unknown field 'fare'"),
        (json.dumps({**WOMAN, "class": "4th"}), JSON, "row 1: class is '4th'; expected one of 1st, 2nd, 3rd, crew"),
        (json.dumps({**WOMAN, "age": ["adult"]}), JSON, "row 1: age is ['adult']"),
        (json.dumps({**WOMAN, "age": None}), JSON, "row 1: age is None"),
        ("", CSV, "no row"),
        ("class,sex,age\n", CSV, "no row"),
        ("1st,female", CSV, "row 1 has 2 values; expected 3: class,sex,age"),
        ("1st,female,adult\n1st,woman,adult", CSV, "row 2: sex is 'woman'"),
        ('1st,"female,adult', CSV, "the body is not CSV"),
        (b"\xff\xff", CSV, "the body is not CSV"),
    ],
)
def test_a_body_that_cannot_be_predicted_from_is_refused_with_the_reason(
    body: str | bytes, media: dict[str, str], reason: str, server: Running
) -> None:
    reply = server.ask("POST", "/invocations", body, **media)
    assert reply.status == 400
    assert reason in reply.json["error"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_method_is_refused_and_the_right_one_named(method: str, server: Running) -> None:
    reply = server.ask(method, "/invocations")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("media", [{}, {"content_type": "text/plain"}, {"content_type": "application/x-npy"}])
def test_a_wrong_content_type_is_refused_and_the_right_ones_named(media: dict[str, str], server: Running) -> None:
    reply = server.ask("POST", "/invocations", b"1st,female,adult", **media)
    assert reply.status == 415
    assert "send application/json or text/csv" in reply.json["error"]


def test_an_answer_that_cannot_be_given_is_refused(server: Running) -> None:
    reply = server.ask("POST", "/invocations", json.dumps(WOMAN), **JSON, accept="image/png")
    assert (reply.status, reply.json) == (406, {"error": "answers are application/json or text/csv, not image/png"})


@pytest.mark.parametrize("body", [b"1" * 6_291_457, io.BytesIO(b"1" * 6_291_457)], ids=["with a length", "chunked"])
def test_a_body_above_six_megabytes_is_refused(body: bytes | io.BytesIO, server: Running) -> None:
    reply = server.ask("POST", "/invocations", body, **CSV)
    assert reply.status == 413
    assert "larger than 6291456 bytes" in reply.json["error"]


def test_thousands_of_rows_fit_one_request(server: Running) -> None:
    rows = "crew,male,adult\n" * 20_000
    reply = server.ask("POST", "/invocations", rows, **CSV)
    assert reply.body.decode().splitlines().count("no,0.2119") == 20_000


def test_another_path_is_not_found(server: Running) -> None:
    assert server.ask("GET", "/").status == 404


def test_a_connection_is_kept_for_the_next_request(server: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    first = ask(connection, "POST", "/invocations", body="{", headers=JSON)
    own_port = connection.sock.getsockname()
    second = ask(connection, "POST", "/invocations", body=json.dumps(WOMAN), headers=JSON)
    assert (first.status, second.status, own_port) == (400, 200, connection.sock.getsockname())
    connection.close()


def test_each_request_is_logged_once_with_its_id(server: Running) -> None:
    server.ask("POST", "/invocations", json.dumps(WOMAN), **JSON, x_request_id="id-of-the-log-test")
    (line,) = server.lines(holding="id-of-the-log-test")
    assert line["seconds"] > 0
    assert {key: line[key] for key in ("request_id", "method", "path", "status", "model", "level")} == {
        "request_id": "id-of-the-log-test",
        "method": "POST",
        "path": "/invocations",
        "status": 200,
        "model": "titanic-rfc",
        "level": "info",
    }


def test_successful_probes_are_not_logged(server: Running) -> None:
    server.ask("GET", "/ping", x_request_id="id-of-a-probe")
    server.ask("GET", "/invocations", x_request_id="id-after-the-probe")
    server.lines(holding="id-after-the-probe")
    assert "id-of-a-probe" not in server.output.read_text()


def test_sigterm_lets_the_request_in_flight_finish_and_takes_no_other(tmp_path: Path) -> None:
    body = json.dumps(WOMAN).encode()
    with model_server(tmp_path) as server, ExitStack() as stack:
        connection = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", server.port)))
        connection.putrequest("POST", "/invocations")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:5])
        assert server.ask("GET", "/ping").status == 200
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not listens(server.port))
        connection.send(body[5:])
        assert connection.getresponse().status == 200
        assert server.process.wait() == 0
        assert server.lines(holding="Drained and stopped")


def test_the_other_model_answers_too_and_differently(server: Running, tmp_path: Path) -> None:
    boy = json.dumps({"class": "2nd", "sex": "male", "age": "child"})
    with model_server(tmp_path, artifact="titanic-lr") as other:
        replies = [each.ask("POST", "/invocations", boy, **JSON).json for each in (server, other)]
    assert [saved(reply) for reply in replies] == [True, False]


@pytest.mark.parametrize("content", [None, b"not a graph"], ids=["missing", "broken"])
def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_reason(content: bytes | None, tmp_path: Path) -> None:
    if content:
        (tmp_path / "model.onnx").write_bytes(content)
        (tmp_path / "model.json").write_text(
            '{"name": "x", "features": [], "labels": ["no", "yes"], "positive": "yes"}'
        )
    command = [sys.executable, "-m", "server", "serve", "--model", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT / "images" / "model", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "Could not load the model"
