"""The account of captured records: every request is captured, sampled out or dropped, for whatever reason, once."""

import http.client
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.images.captured import JSON, RECORDS, Pod, capturing
from tests.images.metered import DECLARED, codes, metrics, value
from tests.images.processes import ask, until
from tests.images.raw import get, received
from tests.images.test_nginx_counts import worker
from tests.kit.ports import listens

pytestmark = pytest.mark.usefixtures("_base_unpacked")
CALLERS = 8
EACH = 200  # requests of each caller
SHIPPED, LOST = "mlendpoints_capture_shipped_total", "mlendpoints_capture_lost_total"
SPOOLED, BYTES = "mlendpoints_capture_spooled_records", "mlendpoints_capture_spool_bytes"
UP = "mlendpoints_capture_sink_up"
NONE_LOST = {"missing": 0, "rejected": 0, "too_large": 0}
KINDS: list[tuple[str, bytes, str]] = [
    ("/invocations", b'{"a": 1}', JSON),
    ("/invocations", bytes(20 << 10), "image/png"),
    ("/invocations", bytes(100 << 10), JSON),  # too large
    ("/status/500", b"{}", JSON),
    ("/.error/x", b"{}", JSON),
    ("/invocations", b"1,2", "text/csv"),
]


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    with capturing(tmp_path) as running:
        yield running


def send(pod: Pod, number: int) -> int:
    """A caller's requests, of every kind in turn; how many were answered."""
    connection = http.client.HTTPConnection("127.0.0.1", pod.proxy.port)
    answered = 0
    for turn in range(EACH):
        path, body, kind = KINDS[(turn + number) % len(KINDS)]
        answered += ask(connection, "POST", path, body=body, headers={"Content-Type": kind}).status in (200, 404, 500)
    connection.close()
    return answered


def load(pod: Pod) -> int:
    """Requests of all callers at once; all are answered."""
    with ThreadPoolExecutor(CALLERS) as callers:
        answered = sum(callers.map(lambda number: send(pod, number), range(CALLERS)))
    assert answered == CALLERS * EACH
    return answered


def balances(pod: Pod) -> bool:
    """Whether what was captured is shipped, lost or spooled."""
    found = metrics(pod.proxy)
    amounts = {name: sum(sample.value for sample in found[name].samples) for name in (SHIPPED, SPOOLED)}
    lost = sum(sample.value for sample in found[LOST].samples) if LOST in found else 0
    return pod.account().get("captured", 0) == sum(amounts.values()) + lost


def test_under_load_each_request_is_counted_once_and_each_record_is_whole(pod: Pod) -> None:
    sent = load(pod)
    found = pod.account()
    assert sum(found.values()) == sum(codes(pod.proxy).values()) == sent
    assert set(found) == {"captured", "too_large"}
    records = pod.records()
    assert len(records) == found["captured"] == value(pod.proxy, SPOOLED)
    assert [record["mlendpoints"]["sequence"] for record in records] == list(range(1, len(records) + 1))
    assert len({record["eventMetadata"]["eventId"] for record in records}) == len(records)
    assert balances(pod)


def test_what_is_sampled_out_and_what_cannot_be_redacted_is_counted(tmp_path: Path) -> None:
    with capturing(tmp_path, percentage=50.0, paths=[["a"]]) as pod:
        sent = load(pod)
        found = pod.account()
        assert sum(found.values()) == sent
        assert set(found) == {"captured", "sampled_out", "too_large", "unredactable"}
        assert len(pod.records()) == found["captured"]


def test_a_full_spool_drops_records_and_serves_until_there_is_room_again(tmp_path: Path) -> None:
    with capturing(tmp_path, spool=200_000) as pod:
        sent = load(pod)
        found = pod.account()
        assert sum(found.values()) == sent
        assert set(found) == {"captured", "too_large", "spool_full"}
        assert len(pod.records()) == found["captured"]
        size = sum(file.stat().st_size for file in pod.files())
        assert 150_000 < size <= 200_000
        until(lambda: value(pod.proxy, BYTES) == size)
        for file in pod.files():
            file.unlink()
        until(lambda: pod.proxy.ask("GET", "/invocations").status == 200 and pod.records())
        assert pod.account()["captured"] == found["captured"] + len(pod.records())


def test_a_spool_that_is_not_there_drops_records_and_serves(pod: Pod) -> None:
    pod.spool.rmdir()
    sent = load(pod)
    assert pod.account() == {"write_failed": sent - sent_too_large(), "too_large": sent_too_large()}
    assert value(pod.proxy, BYTES) == 0


def sent_too_large() -> int:
    return sum((turn + number) % len(KINDS) == 2 for number in range(CALLERS) for turn in range(EACH))


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 256 KiB in the folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_tears_no_record_but_the_one_that_is_dropped(tmp_path: Path) -> None:
    with small_disk(tmp_path / "spool"), capturing(tmp_path) as pod:
        sent = load(pod)
        found = pod.account()
        assert sum(found.values()) == sent
        assert set(found) == {"captured", "too_large", "write_failed"}
        assert len(pod.records()) == found["captured"]
        for file in pod.files():
            file.unlink()
        until(lambda: pod.proxy.ask("GET", "/invocations").status == 200 and pod.records())
        assert pod.account()["captured"] == found["captured"] + len(pod.records())


def test_answers_that_are_collected_have_a_budget_of_memory_which_comes_back(tmp_path: Path) -> None:
    with capturing(tmp_path, memory=10 << 10) as pod:
        with ExitStack() as stack:
            for _ in range(30):
                caller = stack.enter_context(socket.create_connection(("127.0.0.1", pod.proxy.port)))
                caller.sendall(get(b"Content-Length: 12", path=b"/stream") + b"first\nsecond")
                received(caller, until=b"first\n\r\n")
            pod.model.go_on.set()
            until(lambda: sum(pod.account().values()) == 30)
        found = pod.account()
        assert found.get("captured", 0) + found["memory"] == 30
        assert found["memory"] >= 10
        assert pod.proxy.ask("POST", "/invocations", bytes(5 << 10)).status == 200
        assert pod.account()["captured"] == found.get("captured", 0) + 1


def test_a_worker_that_is_killed_loses_what_was_in_flight_and_no_file_is_written_by_two(pod: Pod) -> None:
    load(pod)
    before = pod.account()["captured"]
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(get(b"Content-Length: 12", path=b"/stream") + b"first\nsecond")
        received(caller, until=b"first\n\r\n")
        os.kill(worker(pod.proxy), signal.SIGKILL)
        received(caller)
    until(lambda: worker(pod.proxy) and listens(pod.proxy.monitoring))
    load(pod)
    records = pod.records()
    assert len(records) == pod.account()["captured"] == 2 * before
    for boot in {record["mlendpoints"]["boot"] for record in records}:
        numbers = sorted(r["mlendpoints"]["sequence"] for r in records if r["mlendpoints"]["boot"] == boot)
        assert numbers == list(range(1, before + 1))
    for file in pod.files():
        assert {json.loads(line)["mlendpoints"]["boot"] for line in file.read_text().splitlines()} == {file.name[11:27]}
    assert balances(pod)


def test_files_are_of_10_seconds_each(pod: Pod) -> None:
    until(lambda: pod.proxy.ask("GET", "/invocations").status == 200 and len(pod.files()) > 1)
    first, second = (int(file.name[:10]) for file in pod.files())
    assert second - first == 10


def test_a_file_has_at_most_16_mib(tmp_path: Path) -> None:
    with capturing(tmp_path, maxBytes=4 << 20) as pod:
        for _ in range(5):
            pod.proxy.ask("POST", "/invocations", bytes(3 << 20), Content_Type="image/png")
        assert pod.account() == {"captured": 5}
        assert max(file.stat().st_size for file in pod.files()) <= 16 << 20
        parts = {file.stem[27:] for file in pod.files()}
        assert len(pod.files()) >= 5
        assert parts >= {"", "-1"}


def write(pod: Pod, ledger: Any) -> None:  # noqa: ANN401 - JSON
    (pod.spool / ".ledger.json").write_text(json.dumps(ledger))


def shipped(records: int, **lost: int) -> dict[str, Any]:
    return {"version": 1, "shipped": {"records": records}, "lost": lost, "sink": {"ok": True, "reason": ""}}


def test_what_the_shipper_has_done_is_exported_and_the_rest_is_spooled(pod: Pod) -> None:
    for _ in range(10):
        pod.proxy.ask("GET", "/invocations")
    assert [value(pod.proxy, name) for name in (SHIPPED, SPOOLED)] == [0, 10]
    assert UP not in metrics(pod.proxy)
    assert {s.labels["reason"]: s.value for s in metrics(pod.proxy)[LOST].samples} == NONE_LOST
    write(pod, shipped(5, missing=2, too_large=1))
    found = metrics(pod.proxy)
    assert {s.labels["reason"]: s.value for s in found[LOST].samples} == NONE_LOST | {"missing": 2, "too_large": 1}
    assert [value(pod.proxy, name) for name in (SHIPPED, SPOOLED, UP)] == [5, 2, 1]
    assert balances(pod)


@pytest.mark.parametrize(
    "ledger",
    [
        [],
        None,
        {"shipped": None, "lost": [], "sink": 1},
        {"shipped": {"records": -5}, "lost": {"missing": "many", 'x"} 1\n': 3}},
        {"shipped": {"records": 1e300}},
        {"filler": "x" * (64 << 10), "shipped": {"records": 1}},
        {"lost": {f"reason_{chr(97 + n % 26)}{chr(97 + n // 26)}": 0 for n in range(600)}},
    ],
)
def test_a_ledger_that_is_none_says_nothing(ledger: Any, pod: Pod) -> None:  # noqa: ANN401 - JSON
    pod.proxy.ask("GET", "/invocations")
    write(pod, ledger)
    found = metrics(pod.proxy)
    assert value(pod.proxy, SPOOLED) == 1
    assert len(found[LOST].samples if LOST in found else []) <= 16
    assert balances(pod)


def test_a_restart_of_nginx_begins_another_account_beside_the_same_ledger(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    for each in (spool, tmp_path / "first", tmp_path / "second"):
        each.mkdir()
    with capturing(tmp_path / "first", folder=str(spool)) as pod:
        for _ in range(6):
            pod.proxy.ask("GET", "/invocations")
        assert pod.account() == {"captured": 6}
    (spool / ".ledger.json").write_text(json.dumps(shipped(4)))
    with capturing(tmp_path / "second", folder=str(spool)) as pod:
        assert [value(pod.proxy, name) for name in (SHIPPED, SPOOLED)] == [0, 0]
        pod.proxy.ask("GET", "/invocations")
        (spool / ".ledger.json").write_text(json.dumps(shipped(7)))
        assert [value(pod.proxy, name) for name in (SHIPPED, SPOOLED)] == [1, 0]
        assert balances(pod)


def test_all_that_is_declared_for_capture_is_exported_and_results_begin_at_zero(pod: Pod) -> None:
    write(pod, shipped(0, missing=0))
    found = metrics(pod.proxy)
    assert found.keys() == {each["name"] for each in DECLARED["metrics"] if each.get("only") in (None, "capture")} - {
        "mlendpoints_cpu_requested_cores",
        "mlendpoints_memory_limit_bytes",
    }
    assert {sample.value for sample in found[RECORDS].samples} == {0}
    assert {sample.labels["result"] for sample in found[RECORDS].samples} == {"captured", "sampled_out", "dropped"}
