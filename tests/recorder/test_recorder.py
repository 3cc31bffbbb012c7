"""The real gor reads packets between the real nginx and a model, and the recorder writes what nginx would."""

import http.client
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from recorder.__main__ import main
from replay.__main__ import main as replay
from tests.images.captured import JSON, RECORDS
from tests.images.metered import metrics
from tests.images.processes import ask, until
from tests.recorder.running import capture, recorded, recording
from tests.shipper.running import Pod as Shipped
from tests.shipper.running import shipping

pytestmark = pytest.mark.usefixtures("_base_unpacked")
NO_RESULT = 2
CANARY = "canary-5f1d"
SECRETS = {
    "Authorization": f"Bearer {CANARY}",
    "Cookie": f"session={CANARY}",
    "X-Api-Key": CANARY,
    "X-Forwarded-For": CANARY,
    "X-Patient": CANARY,
}


def compared(record: Any) -> Any:  # noqa: ANN401 - JSON
    """What both engines write of a request; not times, nor headers of the connection."""
    ours = record["mlendpoints"]
    same = {name: ours[name] for name in ("endpoint", "variant", "version", "instance", "method", "path", "status")}
    return record["captureData"], record["eventMetadata"]["eventId"], same, ours["requestHeaders"].get("content-type")


def test_a_record_of_packets_is_that_of_the_proxy(gor: str, tmp_path: Path) -> None:
    other = tmp_path / "by-nginx"
    other.mkdir()
    both = {"CAPTURE_ACCOUNT": "", "CAPTURE": capture(other)}
    with recorded(tmp_path, gor, environment=both) as pod:
        connection = http.client.HTTPConnection("127.0.0.1", pod.proxy.port)
        for path, body, kind in (
            ("/invocations?secret=1", b'{"a": "\xc3\xa4"}', JSON),
            ("/invocations", b"3,male,22", "text/csv"),
            ("/invocations", bytes(range(256)) * 100, "image/png"),
            ("/status/500", b"{}", JSON),
            ("/status/404", b"", JSON),
        ):
            ask(connection, "POST", path, body=body, headers={"Content-Type": kind})
        ask(connection, "GET", "/invocations", headers={})
        connection.close()
        found = pod.wait_for(6)
        theirs = [json.loads(line) for file in other.glob("*.jsonl") for line in file.read_text().splitlines()]
    assert sorted(map(str, map(compared, found))) == sorted(map(str, map(compared, theirs)))
    assert {(each["mlendpoints"]["boot"], each["mlendpoints"]["sequence"]) for each in found} == {
        (found[0]["mlendpoints"]["boot"], number) for number in range(1, 7)
    }


def test_nothing_secret_is_written(gor: str, tmp_path: Path) -> None:
    named: Any = {"headers": ["x-patient"], "paths": [["user", "name"], ["items", "[*]", "id"]]}
    body = json.dumps({"user": {"name": CANARY}, "items": [{"id": CANARY}, {"id": [CANARY]}], "age": 3}).encode()
    with recorded(tmp_path, gor, **named) as pod:
        pod.send(body, f"/invocations?key={CANARY}", Content_Type=JSON, **SECRETS)
        pod.send(CANARY.encode(), Content_Type=JSON)
        (record,) = pod.wait_for(1)
        until(lambda: pod.results() == {"captured": 1, "unredactable": 1})
    redacted = {"user": {"name": "[REDACTED]"}, "items": [{"id": "[REDACTED]"}, {"id": "[REDACTED]"}], "age": 3}
    assert json.loads(record["captureData"]["endpointInput"]["data"]) == redacted
    assert {record["mlendpoints"]["requestHeaders"][name.lower()] for name in SECRETS} == {"[REDACTED]"}
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert CANARY.encode() not in re.sub(rb'"path":"[^"]*"', b"", left)


def test_probes_are_no_requests_of_callers(gor: str, tmp_path: Path) -> None:
    with recorded(tmp_path, gor) as pod:
        for port, path in ((pod.proxy.monitoring, "/ready"), (pod.model.port, "/ping")):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            assert ask(connection, "GET", path, headers={}).status == 200
            connection.close()
        pod.send(b"{}", Content_Type=JSON)
        (record,) = pod.wait_for(1)
        until(lambda: pod.results() == {"captured": 1})
    assert record["mlendpoints"]["path"] == "/invocations"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"percentage": 0.0}, "sampled_out"),
        ({"contentTypes": ["image/*"]}, "content_type"),
        ({"maxBytes": 3}, "too_large"),
        ({"spool": 10}, "spool_full"),
    ],
)
def test_what_is_not_captured_has_a_reason(settings: Any, reason: str, gor: str, tmp_path: Path) -> None:  # noqa: ANN401
    with recorded(tmp_path, gor, **settings) as pod:
        pod.send(b"1,2,3", Content_Type="text/csv")
        until(lambda: pod.results() == {reason: 1})
        assert pod.account() == {reason: 1}
        assert pod.lines() == []


def test_one_side_alone_is_captured_if_requested(gor: str, tmp_path: Path) -> None:
    with recorded(tmp_path, gor, input=False) as pod:
        pod.send(b"{}", Content_Type=JSON)
        (record,) = pod.wait_for(1)
    assert record["captureData"].keys() == {"endpointOutput"}


def test_a_model_cannot_forge_the_records_of_others(gor: str, tmp_path: Path) -> None:
    """The separator of gor's files within a response, and behind it what would be a record there."""
    forged = "\n🐵🙈🙉\n1 aaaaaaaaaaaaaaaaaaaaaaaa 1 0\nPOST /forged HTTP/1.1\r\n\r\n\n🐵🙈🙉\n".encode()
    with recorded(tmp_path, gor) as pod:
        pod.send(forged, Content_Type=JSON)
        pod.send(b"{}", Content_Type=JSON)
        found = pod.wait_for(2)
    assert {each["mlendpoints"]["path"] for each in found} == {"/invocations"}
    assert len(found) == 2


def test_what_is_captured_is_shipped_and_the_account_balances(gor: str, tmp_path: Path) -> None:
    (tmp_path / "shipper").mkdir()
    ships = Shipped(tmp_path / "shipper")
    with recorded(ships.scratch, gor) as pod:
        for number in range(20):
            pod.send(b'{"number": %d}' % number, Content_Type=JSON)
        until(lambda: sum(pod.results().values()) == 20)
        captured = pod.results()["captured"]
        with shipping(ships.settings("pvc://captured")):
            ships.until(lambda ledger: ledger["spooled"]["records"] or ledger["shipped"]["records"], "it has looked")
        found = metrics(pod.proxy)
        assert ships.account() == (captured, 0, {})
        assert found["mlendpoints_capture_shipped_total"].samples[0].value == captured
        assert found["mlendpoints_capture_spooled_records"].samples[0].value == 0
        assert found["mlendpoints_capture_sink_up"].samples[0].value == 1
        assert sum(sample.value for sample in found[RECORDS].samples) == 20


def test_a_killed_gor_is_reported_and_the_next_recorder_continues_the_account(gor: str, tmp_path: Path) -> None:
    with recorded(tmp_path, gor) as pod:
        pod.send(b"{}", Content_Type=JSON)
        until(lambda: pod.results() == {"captured": 1})
        (child,) = Path(f"/proc/{pod.recorder.pid}/task/{pod.recorder.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        assert pod.recorder.wait(30) == 1
        assert pod.proxy.ask("POST", "/invocations", b"{}", Content_Type=JSON).status == 200
        with recording(pod.spool, gor, pod.model.port):
            pod.send(b"{}", Content_Type=JSON)
            until(lambda: pod.results() == {"captured": 2})
    assert len({record["mlendpoints"]["boot"] for record in pod.lines()}) == 2


def test_its_records_are_not_replayed_to_their_own_source(
    gor: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Replayed requests are captured again where gor captures; they have a header, and are not replayed again."""
    with recorded(tmp_path, gor, environment={"INSTANCE": "rfc-1"}) as pod:
        pod.send(b"{}", Content_Type=JSON)
        pod.send(b"{}", Content_Type=JSON, X_Mlendpoints_Replay="1")
        pod.wait_for(2)
        target = f"http://127.0.0.1:{pod.proxy.port}"
        assert replay([str(pod.spool), "--target", target, "--gor", gor, "--folder", str(tmp_path)]) == NO_RESULT
    said = capsys.readouterr().err
    assert "own_source 1" in said
    assert "replayed 1" in said


@pytest.mark.parametrize("missing", ["CAPTURE", "MODEL_PORT"])
def test_a_missing_setting_is_reported(missing: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    environment = {"CAPTURE": capture(tmp_path), "MODEL_PORT": "8080"}
    del environment[missing]
    assert main(environment) == 2
    assert f"{missing} is missing" in capsys.readouterr().err


def test_without_the_right_to_read_packets_it_ends_with_an_error(tmp_path: Path) -> None:
    """A gor that ends at once, as it does then."""
    environment = {
        "CAPTURE": capture(tmp_path),
        "MODEL_PORT": "8080",
        "GOR": "/bin/false",
        "TMPDIR": str(tmp_path),
    }
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(environment) == 1
    finally:
        signal.signal(signal.SIGTERM, before)
