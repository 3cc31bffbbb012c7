"""What may be unpacked comes out as it went in; what may not leaves no trace and says why."""

import gzip
import os
import random
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.__main__ import main
from tests.unit.fetcher.hostile_zips import packed
from tests.unit.fetcher.origin import Answer, folder, member, serving, tar, tar_gz
from tests.unit.fetcher.running import Place

GOOD = tar_gz(member("model.bin", b"weights" * 100))
LONG = "/".join(["n" * 100] * 10)


def _damaged_in_the_middle() -> bytes:
    archive = bytearray(tar(member("a", b"1"), member("b", b"2"), form=tarfile.USTAR_FORMAT))
    archive[1024 + 3] ^= 1
    return gzip.compress(bytes(archive))


def _with_negative_size() -> bytes:
    archive = bytearray(tar(member("a"), form=tarfile.USTAR_FORMAT))
    archive[124:136] = b"\xff" * 12
    archive[148:156] = b" " * 8
    archive[148:156] = b"%06o\0 " % sum(archive[:512])
    return gzip.compress(bytes(archive))


def _with_pax(records: bytes) -> bytes:
    header = member("x", records, type=tarfile.XHDTYPE)
    return tar_gz(header, member("a", b"1"), form=tarfile.USTAR_FORMAT)


REJECTED = {
    "an absolute path": (tar_gz(member("/etc/evil", b"1")), "leads outside"),
    "a parent folder": (tar_gz(member("../evil", b"1")), "leads outside"),
    "a parent folder within": (tar_gz(member("a/../../evil", b"1")), "leads outside"),
    "a parent folder as a folder": (tar_gz(folder("a/..")), "leads outside"),
    "an absolute path in a pax header": (_with_pax(b"14 path=/evil\n"), "leads outside"),
    "a symbolic link": (tar_gz(member("a", type=tarfile.SYMTYPE, linkname="/etc")), "a symbolic link"),
    "a link and a file through it": (
        tar_gz(member("a", type=tarfile.SYMTYPE, linkname="/tmp"), member("a/evil", b"1")),  # noqa: S108 - never made
        "a symbolic link",
    ),
    "a hard link": (tar_gz(member("a", type=tarfile.LNKTYPE, linkname="/etc/passwd")), "a hard link"),
    "a character device": (tar_gz(member("a", type=tarfile.CHRTYPE, devmajor=1, devminor=3)), "a character device"),
    "a block device": (tar_gz(member("a", type=tarfile.BLKTYPE, devmajor=7)), "a block device"),
    "a named pipe": (tar_gz(member("a", type=tarfile.FIFOTYPE)), "a named pipe"),
    "a GNU sparse file": (tar_gz(member("a", type=tarfile.GNUTYPE_SPARSE)), "a sparse file"),
    "a pax sparse file": (_with_pax(b"22 GNU.sparse.major=1\n"), "a sparse file"),
    "an unknown type": (tar_gz(member("a", type=b"Z")), "an entry of type b'Z'"),
    "a bomb by its declared size": (tar_gz(member("a", bytes(64 * 1024 * 1024))), "bytes allowed"),
    "a bomb after the end": (gzip.compress(tar(member("a")) + bytes(64 * 1024 * 1024)), "times its size"),
    "too many entries": (tar_gz(*(member(f"{number}") for number in range(101))), "more than the 100 entries allowed"),
    "too many headers": (tar_gz(*(folder("a") for _ in range(101))), "more than the 100 entries allowed"),
    "a declared size beyond the limit": (tar_gz(member("a", os.urandom(2_000_001))), "bytes allowed"),
    "sizes beyond the limit together": (
        tar_gz(*(member(f"{number}", bytes(700_000)) for number in range(3))),
        "unpacks to more than the 2000000 bytes allowed",
    ),
    "a name twice": (tar_gz(member("a", b"1"), member("./a", b"2")), "twice"),
    "a folder where a file is": (tar_gz(member("a", b"1"), member("a/b", b"2")), "twice"),
    "a file where a folder is": (tar_gz(folder("a"), member("a", b"2")), "twice"),
    "a component too long": (tar_gz(member("n" * 256, b"1")), "an invalid file name"),
    "a path too long": (tar_gz(member("/".join(["n" * 200] * 25), b"1")), "an invalid file name"),
    "a zero byte in a name": (_with_pax(b"12 path=a\0b\n"), "an invalid file name"),
    "a file without a name": (tar_gz(member("./.", b"1")), "a file without a name"),
    "a gzip stream cut off": (GOOD[:-9], "is truncated"),
    "a wrong checksum": (GOOD[:-8] + bytes(4) + GOOD[-4:], "is corrupt"),
    "something after the gzip stream": (GOOD + b"something", "data after its end"),
    "a tar cut off inside of a file": (gzip.compress(tar(member("a", bytes(4096)))[:1024]), "is truncated"),
    "a tar without an end": (gzip.compress(tar(member("a", bytes(512)))[:1024]), "is truncated"),
    "a damaged header in the middle": (_damaged_in_the_middle(), "is corrupt"),
    "a negative size": (_with_negative_size(), "is corrupt"),
    "a pax header without sense": (_with_pax(b"99 path=a\n"), "invalid pax header"),
    "a pax header of length zero": (_with_pax(b"0 path=a\n"), "invalid pax header"),
    "a pax header without a length": (_with_pax(b"path=a\n"), "invalid pax header"),
    "a pax header with a length of thousands of digits": (_with_pax(b"9" * 5000 + b" path=a\n"), "invalid pax header"),
    "a pax size of thousands of digits": (_with_pax(b"5011 size=" + b"9" * 5000 + b"\n"), "invalid pax header"),
    "a pax size beyond the limit": (_with_pax(b"20 size=99999999999\n"), "bytes allowed"),
    "a pax header of unreasonable length": (_with_pax(b"a" * 1_048_577), "an oversized header"),
    "a page of HTML": (b"<html>Please log in</html>", "is not one; it begins with '<html>Please"),
    "nothing": (b"", "is not one"),
}


@pytest.mark.parametrize("what", REJECTED)
def test_what_may_not_be_unpacked_leaves_no_trace_and_says_why(what: str, place: Place) -> None:
    archive, why = REJECTED[what]
    with serving(Answer(archive)) as origin:
        code = place.run(origin, "--limit-bytes", "2000000", "--limit-entries", "100")
    expected = (13, "ArtifactTooLarge") if "allowed" in why else (12, "ArtifactUnsafe")
    assert (code, place.said()["reason"]) == expected
    assert place.visible() == []
    assert why in place.said()["message"]
    assert sorted(path.name for path in place.scratch.iterdir()) == ["termination-log", "volume"]


def test_a_bomb_within_the_limit_of_bytes_is_refused_by_its_ratio(place: Place) -> None:
    with serving(Answer(tar_gz(member("a", bytes(64 * 1024 * 1024))))) as origin:
        assert place.run(origin) == 12
    assert "unpacks to more than 200 times its size" in place.said()["message"]
    assert place.visible() == []


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("packed", [tar, tar_gz])
def test_every_common_form_of_tar_is_unpacked(form: int, packed: Callable[..., bytes], place: Place) -> None:
    name = "a/b/c" if form == tarfile.USTAR_FORMAT else f"{LONG}/größe"
    archive = packed(folder("./"), folder("./empty"), member(f"./{name}", b"1"), member("zero"), form=form)
    with serving(Answer(archive)) as origin:
        assert place.run(origin, name="model.tar") == 0
    assert place.files() == {name: b"1", "zero": b""}
    assert (place.model / "empty").is_dir()


def test_any_user_may_read_what_was_unpacked(place: Place) -> None:
    archive = tar_gz(folder("a"), member("a/b", b"1", mode=0o600), member("a/run", b"1", mode=0o4700))
    before = os.umask(0o077)
    try:
        with serving(Answer(archive)) as origin:
            place.run(origin)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((place.model / path).stat().st_mode) for path in (".", "a", "a/b", "a/run")]
    assert modes == [0o755, 0o755, 0o644, 0o755]


@pytest.mark.parametrize("kept", ["--keep-partial", "--no-keep-partial"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["model.zip", "model", "MODEL.ZIP"])
def test_a_zip_is_unpacked(name: str, method: int, kept: str, place: Place) -> None:
    files = {"d/weights": random.Random(6).randbytes(3_000_000), "größe": b"1" * 1000, "empty": b""}  # noqa: S311 - the same bytes each time
    claim = place.scratch / "claims" / "models"
    claim.mkdir(parents=True)
    (claim / name).write_bytes(packed(*files.items(), mode=0o100755, method=method))
    assert main(place.arguments(f"pvc://models/{name}", "--claims", str(claim.parent), kept)) == 0
    assert place.files() == files
    assert stat.S_IMODE((place.model / "empty").stat().st_mode) == 0o755
    assert place.visible() == [".complete", "model"]


@pytest.mark.parametrize("name", ["model.pt", "model.keras", "weights.npz", "titanic.mar"])
def test_what_other_formats_pack_by_zip_stays_one_file(name: str, place: Place) -> None:
    content = packed(("data.pkl", b"1"))
    with serving(Answer(content)) as origin:
        assert place.run(origin, name=name) == 0
    assert place.files() == {name: content}


def test_zstandard_of_several_frames_is_one_stream(place: Place) -> None:
    archive = tar(member("a", b"1" * 3000))
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    with serving(Answer(skipped + zstd.compress(archive[:700]) + zstd.compress(archive[700:]))) as origin:
        assert place.run(origin, name="model.tar.zst") == 0
    assert place.files() == {"a": b"1" * 3000}


def test_gzip_of_several_members_is_one_stream(place: Place) -> None:
    archive = tar(member("a", b"1" * 3000))
    with serving(Answer(gzip.compress(archive[:700]) + gzip.compress(archive[700:]) + bytes(512))) as origin:
        assert place.run(origin) == 0
    assert place.files() == {"a": b"1" * 3000}


@pytest.mark.parametrize(
    "content", [b"no archive", b"", gzip.compress(b"a compressed table", mtime=0), b"\x1f\x8bnot even gzip"]
)
def test_what_is_no_archive_is_put_as_it_is_under_its_own_name(content: bytes, place: Place) -> None:
    with serving(Answer(content)) as origin:
        assert place.run(origin, name="weights%201.bin?token=x") == 0
    assert place.files() == {"weights 1.bin": content}


@pytest.mark.parametrize("name", ["", "..", "a%2Fb", "%00"])
def test_a_url_without_a_usable_name_gives_a_file_named_artifact(name: str, place: Place) -> None:
    with serving(Answer(b"content")) as origin:
        assert place.run(origin, name=f"x/{name}") == 0
    assert place.files() == {"artifact": b"content"}


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=30).filter(
    lambda name: name not in {".", ".."}
)


@settings(max_examples=25)
@given(
    st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=5),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_whatever_tarfile_packs_comes_out_the_same(files: dict[str, bytes], form: int) -> None:
    archive = tar_gz(*(member(f"d/{name}", content) for name, content in files.items()), form=form)
    with tempfile.TemporaryDirectory() as scratch, serving(Answer(archive)) as origin:
        place = Place(Path(scratch))
        assert place.run(origin) == 0
        assert place.files() == {f"d/{name}": content for name, content in files.items()}


PLAIN = tar(folder("d"), member("d/größe", b"1" * 600), member("d/b", b"2"))


@settings(max_examples=100)
@given(st.integers(min_value=0, max_value=len(PLAIN) - 1), st.binary(min_size=1, max_size=40))
def test_damage_anywhere_is_refused_or_harmless(place_of_damage: int, damage: bytes) -> None:
    archive = PLAIN[:place_of_damage] + damage + PLAIN[place_of_damage + len(damage) :]
    with tempfile.TemporaryDirectory() as scratch, serving(Answer(archive)) as origin:
        place = Place(Path(scratch))
        assert place.run(origin, name="model.tar") in {0, 12}
        assert {path.name for path in place.scratch.iterdir()} == {"termination-log", "volume"}
        assert set(place.visible()) <= {".complete", "model"}


@settings(max_examples=25)
@given(st.integers(min_value=0, max_value=len(GOOD) - 1))
def test_no_beginning_of_an_archive_ever_becomes_visible(length: int) -> None:
    with tempfile.TemporaryDirectory() as scratch, serving(Answer(GOOD[:length])) as origin:
        place = Place(Path(scratch))
        assert place.run(origin) == 12
        assert place.visible() == []
