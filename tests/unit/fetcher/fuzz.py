"""A bounded fuzz of the extractor: archives of the corpus, mutated at random, each installed below a fresh folder.

    python3 -m tests.unit.fetcher.fuzz --rounds 10000 --seed 7

Prints the seed of a round that broke a law and leaves its archive; see ``laws``.
"""

import argparse
import contextlib
import gzip
import io
import random
import sys
import tempfile
from pathlib import Path

from backports import zstd

from fetcher.__main__ import main
from tests.unit.fetcher.hostile import HOSTILE, MOST_BYTES, MOST_ENTRIES

LIMITS = ["--limit-bytes", str(MOST_BYTES), "--limit-entries", str(MOST_ENTRIES)]
LARGEST = 20_000
CODES = {0, 12, 13}
VALUES = (b"\0", b"\xff", b"/", b"..", b"../", b"\x80", b"PK\1\2", b"PK\5\6", b"\xff" * 4, b"\xff" * 8, b"7777777")
SEEDS = sorted(name for name, case in HOSTILE.items() if 0 < len(case.content) < LARGEST)


def mutated(random_: random.Random) -> tuple[str, bytes]:
    """A name and content: one or a few edits of an archive of the corpus, packed or not."""
    case = HOSTILE[random_.choice(SEEDS)]
    content = bytearray(case.content)
    for _ in range(random_.randint(1, 6)):
        _edit(content, random_)
    if case.name == "m.tar" and random_.random() < 0.5:
        return random_.choice([("m.tar.gz", gzip.compress(content)), ("m.tar.zst", zstd.compress(bytes(content)))])
    return case.name, bytes(content)


def _edit(content: bytearray, random_: random.Random) -> None:
    at, size = random_.randrange(len(content) + 1), random_.randint(1, 64)
    match random_.randrange(5):
        case 0:
            content[at : at + 1] = random_.randbytes(1)
        case 1:
            value = random_.choice(VALUES)
            content[at : at + len(value)] = value
        case 2:
            del content[at : at + size]
        case 3:
            content[at:at] = content[at : at + size]
        case _:
            content[at : at + size] = random_.randbytes(size)


def laws(scratch: Path, name: str, content: bytes) -> str:
    """The law that installing it has broken; empty for none."""
    claim, volume, log = scratch / "claims" / "models", scratch / "volume", scratch / "log"
    claim.mkdir(parents=True)
    volume.mkdir()
    log.touch()
    (claim / name).write_bytes(content)
    places = ["--volume", str(volume), "--claims", str(claim.parent), "--termination-log", str(log)]
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(["--artifact", f"pvc://models/{name}", *places, *LIMITS])
    return _broken(scratch, code)


def _broken(scratch: Path, code: int) -> str:
    if code not in CODES:
        return f"ended with {code}"
    if {path.name for path in scratch.iterdir()} != {"claims", "volume", "log"}:
        return "wrote outside of the volume"
    expected = {"model", ".complete"} if code == 0 else set()
    if {path.name for path in (scratch / "volume").iterdir()} - {".lock", ".partial"} != expected:
        return "left something on the volume"
    found = list((scratch / "volume" / "model").rglob("*"))
    if any(path.is_symlink() or not (path.is_file() or path.is_dir()) for path in found):
        return "made something that is neither file nor folder"
    if sum(path.stat().st_size for path in found if path.is_file()) > MOST_BYTES or len(found) > 64 * MOST_ENTRIES:
        return "made more than allowed"
    return ""


def round_of(seed: int) -> str:
    """The law that one round has broken; empty for none."""
    name, content = mutated(random.Random(seed))  # noqa: S311 - to be repeated
    with tempfile.TemporaryDirectory() as scratch:
        broken = laws(Path(scratch), name, content)
    if broken:
        Path(f"fuzz-{seed}-{name}").write_bytes(content)
    return broken


def fuzz(arguments: list[str]) -> int:
    """The number of rounds that broke a law."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args(arguments)
    failures = 0
    for seed in range(settings.seed, settings.seed + settings.rounds):
        if broken := round_of(seed):
            failures += 1
            sys.stdout.write(f"seed {seed}: {broken}\n")
    sys.stdout.write(f"{settings.rounds} rounds, {failures} broke a law\n")
    return failures


if __name__ == "__main__":
    sys.exit(1 if fuzz(sys.argv[1:]) else 0)
