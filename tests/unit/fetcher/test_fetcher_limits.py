"""What a server or a volume does unexpectedly: sizes beyond all measure, a full disk, faults of our own."""

import errno
import gzip
import json
import os
import tracemalloc
import zipfile

import pytest

from fetcher.__main__ import main
from fetcher.archives.tars import Extension, _pax
from fetcher.artifact import PIECE
from tests.unit.fetcher.hostile_zips import packed
from tests.unit.fetcher.origin import Answer, member, serving, tar
from tests.unit.fetcher.running import Place


@pytest.mark.parametrize("last", [PIECE, 10**12, 10**17, 10**30])
def test_a_range_larger_than_requested_is_rejected_before_memory_is_allocated(last: int, place: Place) -> None:
    sent = f"bytes 0-{last}/{last + 1}"
    with serving(Answer(b"x", 206, {"ETag": '"1"', "Content-Range": sent}), Answer(status=404)) as origin:
        tracemalloc.start()
        assert place.run(origin) == 10
        assert tracemalloc.get_traced_memory()[1] < 4 * PIECE
        tracemalloc.stop()
    assert place.visible() == []


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-1", "1e3"])
def test_a_length_that_is_no_number_is_passed_over(length: str, place: Place) -> None:
    with serving(Answer(b"", headers={"Content-Length": length, "Connection": "close"})) as origin:
        assert place.run(origin, name="model.bin") in {0, 10}


@pytest.mark.parametrize("pause", ["²", "9" * 5000])
def test_a_pause_that_is_no_number_is_passed_over(pause: str, place: Place) -> None:
    with serving(Answer(status=503, headers={"Retry-After": pause})) as origin:
        assert place.run(origin, "--attempts", "2") == 10


def test_an_unexpected_fault_shows_its_kind_and_nothing_else(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(place.arguments("http://127.0.0.1:9/secret\udcffmodel")) == 1
    output = capsys.readouterr()
    assert place.said()["message"] == "model-init failed with an unexpected UnicodeEncodeError; please report this"
    assert output.err == ""
    assert "secret" not in output.out + place.termination_log.read_text()
    assert [json.loads(line)["level"] for line in output.out.splitlines()] == ["error"]


@pytest.mark.parametrize("short", [True, False], ids=["a short write", "no space left"])
def test_a_volume_that_fills_while_a_zip_is_kept_is_told_as_full(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, short: bool
) -> None:
    """Its last piece is begun only when the zip is known to be one."""
    last, pwrite = 24 * PIECE, os.pwrite

    def full(file: int, buffer: memoryview, offset: int) -> int:
        if offset < last:
            return pwrite(file, buffer, offset)
        if short:
            return len(buffer) - 1
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    monkeypatch.setattr("fetcher.unpack._nameless", lambda _: os.open("/dev/full", os.O_RDWR))
    claim = place.scratch / "claims" / "models"
    claim.mkdir(parents=True)
    (claim / "m.zip").write_bytes(packed(("weights", os.urandom(last)), method=zipfile.ZIP_STORED))
    assert main(place.arguments("pvc://models/m.zip", "--claims", str(claim.parent))) == 13
    assert "the volume is full; increase `size`" in place.said()["message"]


def test_a_header_of_many_records_is_read_in_one_pass() -> None:
    records = b"6 a=b\n" * 170_000 + b"16 path=weights\n"
    assert _pax(records, Extension()) == Extension(b"weights")


@pytest.mark.parametrize(
    ("name", "encoding", "body", "code"),
    [
        ("model.json", "gzip", gzip.compress(b"{}", mtime=0), 12),
        ("model.json", "br", b"\x0b\x00\x80{}\x03", 12),
        ("model.json", "aws-chunked", b"{}", 12),
        ("model.json", "identity", b"{}", 0),
        ("model.tar.gz", "gzip", gzip.compress(tar(member("a", b"1")), mtime=0), 0),
        ("model.tar", "gzip", gzip.compress(tar(member("a", b"1")), mtime=0), 0),
        ("vocabulary.gz", "x-gzip", gzip.compress(b"1", mtime=0), 0),
    ],
)
def test_what_would_stay_packed_is_rejected_with_advice(
    name: str, encoding: str, body: bytes, code: int, place: Place
) -> None:
    with serving(Answer(body, headers={"Content-Encoding": encoding})) as origin:
        assert place.run(origin, name=name) == code
    if code:
        assert place.said()["reason"] == "ArtifactUnsafe"
        assert f"Content-Encoding '{encoding}'" in place.said()["message"]


@pytest.mark.parametrize(
    ("name", "head", "packer"),
    [
        ("m.tar.bz2", b"BZh91AY&SY", "bzip2"),
        ("m.tar.xz", b"\xfd7zXZ\0", "xz"),
        ("m.7z", b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    ],
)
def test_what_other_programs_pack_is_rejected_with_advice(name: str, head: bytes, packer: str, place: Place) -> None:
    with serving(Answer(head + bytes(100))) as origin:
        assert place.run(origin, name=name) == 12
    assert f"is packed with {packer}" in place.said()["message"]
    assert "pack the model's files as tar, tar.gz, tar.zst or zip" in place.said()["message"]
