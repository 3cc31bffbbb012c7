"""What a record of a request has: both bodies as they were, in SageMaker's format, and nothing that is redacted."""

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.images.captured import JSON, NAMES, Pod, body, capturing
from tests.images.processes import until
from tests.images.raw import END, get, received, scripted
from tests.kit.ports import free_port

pytestmark = pytest.mark.usefixtures("_base_unpacked")
CANARY = "canary-3f9c2ab1"
CHUNKED = b"Transfer-Encoding: chunked"
FIRST = b"first\n\r\n"  # a chunk


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    with capturing(tmp_path) as running:
        yield running


def test_a_record_has_sagemaker_s_keys_and_ours(pod: Pod) -> None:
    begin = datetime.now(UTC).timestamp()
    reply = pod.proxy.ask("POST", "/invocations", b'{"a": 1}', Content_Type=JSON, Inference_Id="the-caller-s")
    record = pod.record()
    began = record["mlendpoints"].pop("startTime")
    assert begin - 1 < datetime.fromisoformat(began).timestamp() < begin + 60
    side = {"observedContentType": JSON, "data": '{"a": 1}', "encoding": "JSON"}
    assert record["captureData"] == {
        "endpointInput": side | {"mode": "INPUT"},
        "endpointOutput": side | {"mode": "OUTPUT"},
    }
    assert record["eventVersion"] == "0"
    assert record["eventMetadata"] == {
        "eventId": reply.headers["x-request-id"],
        "inferenceTime": f"{began[:19]}Z",
        "inferenceId": "the-caller-s",
    }
    ours = record["mlendpoints"]
    assert ours.items() >= (NAMES | {"method": "POST", "path": "/invocations", "status": 200, "sequence": 1}).items()
    assert 0 <= ours["modelSeconds"] <= ours["requestSeconds"] + 0.001
    assert ours["requestHeaders"].items() >= {"content-type": JSON, "inference-id": "the-caller-s"}.items()
    assert pod.files()[0].name == f"{pod.files()[0].name[:10]}-{ours['boot']}.jsonl"
    assert int(pod.files()[0].name[:10]) % 10 == 0
    assert len(ours["boot"]) == 16


@pytest.mark.parametrize(
    ("kind", "sent", "encoding"),
    [
        (JSON, b'{"name": "Rose \xe2\x80\xa6"}', "JSON"),
        ("application/vnd.titanic+json; charset=utf-8", b"{}", "JSON"),
        ("application/jsonlines", b"{}\n{}\n", "JSON"),
        (JSON, b"no JSON \t\r\x7f at all", "JSON"),
        (JSON, b"control \x00 characters", "BASE64"),
        (JSON, b"\xff\xfe{", "BASE64"),
        (JSON, b"\xef\xbb\xbf{}", "JSON"),
        (JSON, b"\xed\xa0\x80", "BASE64"),
        ("text/csv", b"1,2,\r\n3,4,5", "CSV"),
        ("text/plain", b"hello", "BASE64"),
        ("application/octet-stream", bytes(range(256)) * 8, "BASE64"),
        ("", b"\x00", "BASE64"),
        (JSON, b"", "JSON"),
        (JSON, b"[" + b"1," * 20000 + b"1]", "JSON"),
    ],
)
def test_bodies_are_recorded_as_they_were(kind: str, sent: bytes, encoding: str, pod: Pod) -> None:
    headers = {"Content_Type": kind} if kind else {}
    assert pod.proxy.ask("POST", "/invocations", sent, **headers).body == sent
    record = pod.record()
    assert [body(record, side) for side in ("Input", "Output")] == [sent, sent]
    sides = record["captureData"].values()
    assert {side["encoding"] for side in sides} == {encoding}
    assert {side["observedContentType"] for side in sides} == {kind.partition(";")[0]}


@pytest.mark.parametrize("size", [1, 16 << 10, (16 << 10) + 1, 64 << 10])
def test_a_body_of_unknown_length_is_recorded_whole(size: int, pod: Pod) -> None:
    sent = bytes(size)
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(get(CHUNKED) + b"%x\r\n%s\r\n0\r\n\r\n" % (size, sent))
        record = pod.record()
    assert body(record, "Input") == body(record, "Output") == sent


def test_the_largest_body_is_captured_and_a_larger_one_is_not(tmp_path: Path) -> None:
    with capturing(tmp_path, maxBytes=20000) as pod:
        for size in (20000, 20001):
            assert pod.proxy.ask("POST", "/invocations", bytes(size)).body == bytes(size)
        assert pod.account() == {"captured": 1, "too_large": 1}
        assert body(pod.record(), "Input") == bytes(20000)


@pytest.mark.parametrize("input_", [True, False])
def test_six_megabytes_and_bytes_of_every_kind_pass_whatever_is_captured(input_: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    sent = bytes(range(256)) * (6 << 12)
    with capturing(tmp_path, input=input_) as pod:
        assert pod.proxy.ask("POST", "/invocations", sent).body == sent
        pod.model.go_on.set()
        assert pod.proxy.ask("POST", "/stream", iter([sent[: 1 << 20], sent[1 << 20 :]])).body == sent
        until(lambda: pod.account() == {"too_large": 2})


def test_a_body_of_four_megabytes_is_captured_where_that_is_allowed(tmp_path: Path) -> None:
    sent = b"\x01" + bytes(range(256)) * (4 << 12)
    with capturing(tmp_path, maxBytes=4 << 20) as pod:
        assert pod.proxy.ask("POST", "/invocations", sent[1:]).body == sent[1:]
        assert pod.proxy.ask("POST", "/invocations", sent).body == sent
        assert pod.account() == {"captured": 1, "too_large": 1}
        assert body(pod.record(), "Output") == sent[1:]


def test_one_side_is_captured_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    with capturing(tmp_path / "in", output=False) as pod:
        pod.proxy.ask("POST", "/invocations", b"{}", Content_Type=JSON)
        assert list(pod.record()["captureData"]) == ["endpointInput"]
    with capturing(tmp_path / "out", input=False, maxBytes=10) as pod:
        pod.proxy.ask("POST", "/status/204", bytes(100), Content_Type=JSON)
        record = pod.record()
        assert list(record["captureData"]) == ["endpointOutput"]
        assert body(record, "Output") == b""


def test_only_bodies_of_listed_types_are_captured(tmp_path: Path) -> None:
    with capturing(tmp_path, contentTypes=[JSON, "image/*"]) as pod:
        for kind in ("Application/JSON; charset=utf-8", "image/png", "images/png", "text/csv"):
            pod.proxy.ask("POST", "/invocations", b"1", Content_Type=kind)
        assert pod.account() == {"captured": 2, "content_type": 2}
        kinds = [record["captureData"]["endpointInput"]["observedContentType"] for record in pod.records()]
        assert kinds == [JSON, "image/png"]


def test_a_share_of_the_requests_is_captured(tmp_path: Path) -> None:
    with capturing(tmp_path, percentage=12.5) as pod:
        for _ in range(800):
            pod.proxy.ask("POST", "/invocations", b"1", X_Request_Id="always-the-same")
        found = pod.account()
        assert sum(found.values()) == 800
        assert 50 < found["captured"] < 160  # 5 standard deviations
        assert len(pod.records()) == found["captured"]


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
def test_a_model_s_errors_are_captured(status: int, pod: Pod) -> None:
    assert pod.proxy.ask("POST", f"/status/{status}", b'"no"', Content_Type=JSON).status == status
    record = pod.record()
    assert record["mlendpoints"]["status"] == status
    assert body(record, "Output") == b'"no"'


def test_the_proxy_s_own_rejections_are_captured_without_the_body_that_it_did_not_receive(tmp_path: Path) -> None:
    with capturing(tmp_path, environment={"MAX_BODY_SIZE": "10k", "BODY_ROOM": "1k"}) as pod:
        for size in (11 << 10, 1):
            pod.proxy.ask("POST", "/.error/x", bytes(size))
        pod.proxy.ask("GET", "/", Upgrade="websocket")
        records = pod.records()
        assert [record["mlendpoints"]["status"] for record in records] == [413, 404, 501]
        assert [body(record, "Input") for record in records] == [None] * 3
        assert all("error" in json.loads(body(record, "Output") or b"") for record in records)


def test_a_model_that_is_down_gives_a_record_with_the_request(tmp_path: Path) -> None:
    with capturing(tmp_path, environment={"MODEL_PORT": str(free_port())}) as pod:
        assert pod.proxy.ask("POST", "/invocations", b"{}", Content_Type=JSON).status == 502
        record = pod.record()
        assert body(record, "Input") == b"{}"
        assert "the model server does not answer" in str(body(record, "Output"))
        assert record["mlendpoints"]["status"] == 502


def test_a_stream_stays_a_stream_and_is_recorded_whole(pod: Pod) -> None:
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(get(b"Content-Length: 12", path=b"/stream") + b"first\nsecond")
        assert received(caller, until=FIRST).endswith(FIRST)
        assert pod.records() == []
        pod.model.go_on.set()
        assert b"second" in received(caller)
    assert body(pod.record(), "Output") == b"first\nsecond"


def test_an_answer_that_was_not_sent_whole_is_left_out(pod: Pod) -> None:
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(get(b"Content-Length: 12", path=b"/broken") + b"first\nsecond")
        assert received(caller).endswith(b"\r\n\r\nfirst\n")
    record = pod.record()
    assert (body(record, "Input"), body(record, "Output")) == (b"first\nsecond", None)


def test_a_caller_who_leaves_gives_a_record_without_the_answer(pod: Pod) -> None:
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(get(b"Content-Length: 12", path=b"/stream") + b"first\nsecond")
        received(caller, until=FIRST)
    record = pod.record()
    assert (body(record, "Input"), body(record, "Output")) == (b"first\nsecond", None)


def test_a_caller_who_leaves_before_its_body_is_whole_gives_a_record_without_it(pod: Pod) -> None:
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(get(b"Content-Length: 30000") + bytes(20000))
    record = pod.record()
    assert body(record, "Input") is None
    assert record["mlendpoints"]["status"] in (400, 499)


def test_a_request_without_a_body_and_an_answer_without_one_are_empty(pod: Pod) -> None:
    pod.proxy.ask("HEAD", "/invocations")
    record = pod.record()
    assert (body(record, "Input"), body(record, "Output")) == (b"", b"")


def test_an_answer_that_the_proxy_rejects_is_the_proxy_s(tmp_path: Path) -> None:
    with (
        scripted(b"HTTP/1.1 103 Early Hints" + END) as model,
        capturing(tmp_path, environment={"MODEL_PORT": str(model.port)}) as pod,
    ):
        assert pod.proxy.ask("GET", "/invocations").status == 502
        assert b"could not be passed on" in (body(pod.record(), "Output") or b"")


def test_pings_and_probes_are_not_captured(pod: Pod) -> None:
    pod.proxy.ask("GET", "/.well-known/mlendpoints/ping")
    assert pod.account() == {}


@pytest.mark.parametrize("given", ["x" * 65, "with space", "\u00e9"], ids=["too long", "with a space", "not ASCII"])
def test_an_inference_id_that_is_none_is_left_out(given: str, pod: Pod) -> None:
    pod.proxy.ask("GET", "/invocations", X_Amzn_SageMaker_Inference_Id=given)
    assert "inferenceId" not in pod.record()["eventMetadata"]


SECRETS = (
    *("Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "Api-Key", "apikey", "X-Auth-Token"),
    *("X-Amz-Security-Token", "X-Goog-Api-Key", "Ocp-Apim-Subscription-Key", "X-Client-Secret", "X-Forwarded-For"),
    *("X-Forwarded-Client-Cert", "Forwarded", "X-Real-IP", "X-Passenger", "x_api_key"),
)


def test_headers_with_secrets_and_those_that_are_named_are_redacted(tmp_path: Path) -> None:
    with capturing(tmp_path, headers=["x-passenger"]) as pod:
        headers = b"\r\n".join(f"{name}: {CANARY}".encode() for name in SECRETS)
        with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
            caller.sendall(get(headers, b"X-Cookie-Is-Fine: no", b"X-Other: 1", b"X-Other: 2"))
            received(caller)
        found = pod.record()["mlendpoints"]
        redacted = {name for name, value in found["requestHeaders"].items() if value == "[REDACTED]"}
        assert redacted >= {name.lower() for name in SECRETS}
        assert found["responseHeaders"]["set-cookie"] == "[REDACTED]"
        assert found["requestHeaders"]["x-other"] == "1, 2"
        assert not leaks(pod)


def test_large_heads_are_cut(pod: Pod) -> None:
    pod.proxy.ask("GET", "/invocations", X_First="1", X_Large="x" * 20000, X_Last="2")
    found = pod.record()["mlendpoints"]["requestHeaders"]
    assert "x-large" not in found
    assert found["x-first"] == "1"


def test_the_query_is_in_no_record(pod: Pod) -> None:
    pod.proxy.ask("GET", f"/invocations?key={CANARY}")
    assert pod.record()["mlendpoints"]["path"] == "/invocations"
    assert not leaks(pod)


PATHS = [["passenger", "name"], ["tickets", "[*]", "number"], ["[*]", "secret"], ["deep", "[*]", "[*]"]]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"passenger": {"name": CANARY, "age": 17.5}}, {"passenger": {"name": "[REDACTED]", "age": 17.5}}),
        ({"passenger": {"name": {"first": [CANARY]}}}, {"passenger": {"name": "[REDACTED]"}}),
        ({"tickets": [{"number": CANARY}, {"number": 2}, 3]}, {"tickets": [{"number": "[REDACTED]"}] * 2 + [3]}),
        ([{"secret": CANARY}, [], None], [{"secret": "[REDACTED]"}, [], None]),
        ({"deep": [[CANARY, 1], [2]]}, {"deep": [["[REDACTED]"] * 2, ["[REDACTED]"]]}),
        ({"passenger": None, "tickets": {"number": 1}}, {"passenger": None, "tickets": {"number": 1}}),
        ("text", "text"),
    ],
)
def test_values_at_the_paths_are_redacted_in_both_bodies(sent: Any, kept: Any, tmp_path: Path) -> None:  # noqa: ANN401 - JSON
    with capturing(tmp_path, paths=PATHS) as pod:
        reply = pod.proxy.ask("POST", "/invocations", json.dumps(sent), Content_Type=JSON)
        assert reply.json == sent
        record = pod.record()
        assert [json.loads(body(record, side) or b"") for side in ("Input", "Output")] == [kept, kept]
        assert not leaks(pod)


@pytest.mark.parametrize(
    "sent",
    [
        f'{{"pass\\u0065nger": {{"n\\u0061me": "{CANARY}"}}}}',
        f'{{"passenger": {{"name": "1", "name": "{CANARY}"}}}}',
        f'{{"passenger": {{"name": "{CANARY}", "name": 1}}}}',
        f'{{"__proto__": {{"passenger": {{"name": "{CANARY}"}}}}, "passenger": {{"name": "{CANARY}"}}}}',
    ],
)
def test_no_spelling_of_a_key_evades_redaction(sent: str, tmp_path: Path) -> None:
    with capturing(tmp_path, paths=[*PATHS, ["__proto__"]]) as pod:
        pod.proxy.ask("POST", "/invocations", sent, Content_Type=JSON)
        assert pod.account() == {"captured": 1}
        assert not leaks(pod)


@pytest.mark.parametrize("kind", ["application/jsonlines", "application/x-ndjson"])
def test_lines_of_json_are_redacted_one_by_one(kind: str, tmp_path: Path) -> None:
    with capturing(tmp_path, paths=PATHS) as pod:
        pod.proxy.ask("POST", "/invocations", f'{{"passenger":{{"name":"{CANARY}"}}}}\n\n[]\n', Content_Type=kind)
        assert body(pod.record(), "Input") == b'{"passenger":{"name":"[REDACTED]"}}\n\n[]\n'
        assert not leaks(pod)


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (JSON, f'{{"passenger": {{"name": "{CANARY}"}}'.encode()),
        (JSON, f'{{"passenger": {{"name": "{CANARY}"}}}}'.encode("utf-16")),
        (JSON, b"\xef\xbb\xbf" + f'{{"passenger": {{"name": "{CANARY}"}}}}'.encode()),
        (JSON, f'{{"passenger": {{"name": "{CANARY}"}}}} {{}}'.encode()),
        (JSON, b"[" * 10000 + f'"{CANARY}"'.encode() + b"]" * 10000),
        ("text/csv", f"{CANARY},1".encode()),
        ("image/png", CANARY.encode()),
    ],
)
def test_a_body_that_cannot_be_redacted_is_not_captured(kind: str, sent: bytes, tmp_path: Path) -> None:
    with capturing(tmp_path, paths=PATHS) as pod:
        assert pod.proxy.ask("POST", "/invocations", sent, Content_Type=kind).body == sent
        assert pod.account() == {"unredactable": 1}
        assert not leaks(pod)


def leaks(pod: Pod) -> bool:
    """Whether the canary is in the spool or in the log, as it is or in base64 at any offset."""
    secret = CANARY.encode()
    shapes = [secret, *(b64encode(bytes(shift) + secret)[4:16] for shift in range(3))]
    text = b"".join(file.read_bytes() for file in pod.spool.rglob("*")) + pod.proxy.output.read_bytes()
    return any(shape in text for shape in shapes)
