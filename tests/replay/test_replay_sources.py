"""Captured traffic is read where it is: a folder, a claim, an S3 server, a web server; from either engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fetcher.s3_server import S3Server, s3_server
from tests.images.processes import model_server
from tests.replay.running import Replay, written
from tests.replay.targets import target
from tests.unit.replay.records import captured

Run = Callable[..., Replay]
KEY = "captured/titanic/blue/2026/11/26/10/pod-1-b.jsonl"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def secret(folder: Path, s3: S3Server) -> str:
    (folder / "secret").mkdir()
    for key, value in s3.secret.items():
        (folder / "secret" / key).write_text(value)
    return str(folder / "secret")


def test_objects_below_a_prefix_of_a_bucket_are_replayed(s3: S3Server, replay: Run, tmp_path: Path) -> None:
    s3.put(KEY, captured(path="/1") + b"\n" + captured(path="/2") + b"\n")
    s3.put(KEY.replace("pod-1", "pod-2"), captured(path="/3") + b"\n" + captured()[:50])
    s3.put("captured/titanic/blue/notes.txt", b"no record")
    s3.put("captured/titanic/green/2026/11/26/10/pod-1-b.jsonl", captured(path="/green") + b"\n")
    with target() as candidate:
        found = replay("s3://models/captured/titanic/blue/", candidate.url, "--credentials", secret(tmp_path, s3))
    assert found.code == 0, found.said
    assert sorted(each.path for each in candidate.received) == ["/1", "/2", "/3"]
    records = found.report["records"]
    assert (records["objects"], records["ignored_objects"], records["skipped"]) == (2, 1, {"torn": 1})


def test_an_object_larger_than_a_request_for_it_is_read_whole(s3: S3Server, replay: Run, tmp_path: Path) -> None:
    lines = [captured(b"x" * 100_000, path=f"/{number}") for number in range(30)]
    s3.put(KEY.replace("blue", "large"), b"".join(line + b"\n" for line in lines))
    with target() as candidate:
        found = replay(
            f"s3://models/{KEY.replace('blue', 'large')}", candidate.url, "--credentials", secret(tmp_path, s3)
        )
    assert found.code == 0, found.said
    assert len(candidate.received) == 30
    assert {each.body for each in candidate.received} == {b"x" * 100_000}


def test_wrong_credentials_are_reported_and_not_shown(s3: S3Server, replay: Run, tmp_path: Path) -> None:
    with s3.checking_credentials(), target() as candidate:
        found = replay("s3://models/captured/", candidate.url, "--credentials", secret(tmp_path, s3))
    assert found.code == 2
    assert "InvalidAccessKeyId; check the URL and the folder of --credentials" in found.said
    assert "secret1" not in found.said


def test_a_store_must_not_lead_inside(s3: S3Server, replay: Run, tmp_path: Path) -> None:
    folder = Path(secret(tmp_path, s3))
    (folder / "AWS_ENDPOINT_URL").write_text("http://169.254.169.254")
    with target() as candidate:
        found = replay("s3://latest/meta-data/", candidate.url, "--credentials", str(folder))
    assert (found.code, "a metadata service, which is blocked" in found.said) == (2, True)


def test_a_claim_is_read(replay: Run, tmp_path: Path) -> None:
    written(tmp_path / "data", captured(path="/1"))
    with target() as candidate:
        found = replay("pvc://data/captured", candidate.url, "--claims", str(tmp_path))
    assert found.code == 0, found.said
    assert [each.path for each in candidate.received] == ["/1"]


def test_a_link_in_a_folder_is_not_followed(replay: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_bytes(captured(path="/elsewhere") + b"\n")
    folder = written(tmp_path, captured(path="/1"))
    (folder / "link.jsonl").symlink_to(elsewhere)
    with target() as candidate:
        replay(folder, candidate.url)
    assert [each.path for each in candidate.received] == ["/1"]


@pytest.mark.parametrize("source", ["nowhere", "s3://models/nothing/", "pvc://data/nothing", "ftp://a/b", "http://["])
def test_a_source_without_records_is_reported(source: str, s3: S3Server, replay: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    more = ("--credentials", secret(tmp_path, s3), "--claims", str(tmp_path))
    with target() as candidate:
        found = replay(source if "://" in source else tmp_path / source, candidate.url, *more)
    assert (found.code, found.report) == (2, None)
    assert "Traceback" not in found.said


@pytest.mark.parametrize(("artifact", "different"), [("titanic-rfc", 0), ("titanic-lr", 3)])
def test_a_raw_capture_by_gor_is_replayed(artifact: str, different: int, replay: Run, tmp_path: Path) -> None:
    """The file is what gor 1.3.2 with libpcap wrote of three requests to the forest; one response came first."""
    with model_server(tmp_path, artifact=artifact) as model:
        found = replay(Path(__file__).parent / "captured-by-gor.gor", f"http://127.0.0.1:{model.port}")
    assert found.report["comparison"]["compared"] == 3
    assert found.report["comparison"]["different"] == different
    recorded = found.report["latency"]["recorded"]
    assert (round(recorded["p50"], 3), round(recorded["p100"], 3)) == (0.028, 1.102)
