"""The program that prints the spool, as it is started in pods: as text, by a Python without anything else."""

import subprocess
import sys
from inspect import getsource
from pathlib import Path

from mlendpoints.client import spool_program

FIRST, SECOND = "1764152430-00c0ffee00c0ffee.jsonl", "1764152440-00c0ffee00c0ffee-1.jsonl"
COMMAND = (sys.executable, "-I", "-S", "-c", getsource(spool_program))


def start(folder: Path, which: str, how: str) -> subprocess.Popen[bytes]:
    command = (*COMMAND, str(folder), which, how)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_records_that_wait_are_printed_in_the_order_of_their_files(tmp_path: Path) -> None:
    (tmp_path / SECOND).write_bytes(b'{"b": 1}\n')
    (tmp_path / FIRST).write_bytes(b'{"a": 1}\n{"a": 2}\n{"a": ')
    (tmp_path / "other.jsonl").write_bytes(b"no\n")
    process = start(tmp_path, "all", "once")
    assert process.communicate() == (b'{"a": 1}\n{"a": 2}\n{"b": 1}\n', b"")


def test_links_and_folders_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret\n")
    (tmp_path / FIRST).symlink_to(secret)
    (tmp_path / SECOND).mkdir()
    assert start(tmp_path, "all", "once").communicate() == (b"", b"")


def test_new_records_are_printed_as_they_come_and_once(tmp_path: Path) -> None:
    spool = tmp_path / FIRST
    spool.write_bytes(b'{"a": 1}\n')
    process = start(tmp_path, "all", "follow")
    assert process.stdout
    assert process.stdout.readline() == b'{"a": 1}\n'
    with spool.open("ab") as stream:
        stream.write(b'{"a": ')
        stream.flush()
        (tmp_path / SECOND).write_bytes(b'{"b": 1}\n')
        assert process.stdout.readline() == b'{"b": 1}\n'
        stream.write(b"2}\n")
        stream.flush()
        assert process.stdout.readline() == b'{"a": 2}\n'
    spool.unlink()
    assert process.communicate() == (b"", b"")


def test_what_was_there_before_is_left_out_unless_requested(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(b'{"a": 1}\n')
    assert start(tmp_path, "new", "once").communicate() == (b"", b"")


def test_it_ends_when_the_caller_has_left(tmp_path: Path) -> None:
    process = start(tmp_path, "new", "follow")
    assert process.stdin
    process.stdin.close()
    assert process.wait(60) == 0
    for stream in (process.stdout, process.stderr):
        assert stream
        stream.close()
