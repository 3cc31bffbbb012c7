"""Captured records are printed as they are stored: from a folder, from an S3 server."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from replay.export import main
from tests.fetcher.s3_server import S3Server, s3_server
from tests.replay.running import written
from tests.unit.replay.records import captured

KEY = "captured/titanic/blue/2026/11/26/10/pod-1-b.jsonl"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def test_whole_lines_are_printed_and_torn_ones_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = captured(path="/1"), captured(path="/2")
    folder = written(tmp_path, first, second)
    (folder / "titanic" / "blue" / "torn.jsonl").write_bytes(first[:50])
    (folder / "titanic" / "notes.txt").write_bytes(b"none")
    out = io.BytesIO()
    assert main([str(folder)], out) == 0
    assert out.getvalue() == first + b"\n" + second + b"\n"
    assert capsys.readouterr().err == "export: 2 records in 2 objects, without 1 that are torn or too long\n"


def test_objects_of_a_bucket_are_printed(s3: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [captured(b"x" * 100_000, path=f"/{number}") for number in range(30)]
    s3.put(KEY, b"".join(line + b"\n" for line in lines))
    s3.put(KEY.replace("blue", "green"), captured(path="/green") + b"\n")
    for key, value in s3.secret.items():
        (tmp_path / key).write_text(value)
    out = io.BytesIO()
    options = ("--credentials", str(tmp_path), "--allow-address", "127.0.0.0/8")
    assert main(["s3://models/captured/titanic/blue/", *options], out) == 0
    assert out.getvalue().splitlines() == lines
    assert capsys.readouterr().err == "export: 30 records in 1 objects\n"


def test_what_cannot_be_read_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{tmp_path}{os.sep}missing"], io.BytesIO()) == 2
    assert capsys.readouterr().err.startswith("export: ")
