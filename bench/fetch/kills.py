"""Kills runs at random offsets, and counts the bytes that their successors fetch once more."""

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.fetch.artifact import Artifact, emptied, tree_of
from bench.fetch.contestants import Contestant
from bench.fetch.origin import Link, Origin, origin
from bench.fetch.watch import LONGEST_SECONDS, Failed
from fetcher.artifact import PIECE
from fetcher.volume.partial import NAME, RECORD, THERE

LINK = Link(rate=200e6, latency=0.001)
_MEAN_KILLS = 8
"""Of each download."""
_IDLE_SECONDS = 30.0


@dataclass(frozen=True)
class Loss:
    """Of one kill: bytes that came in vain, and what of the artifact was there when the run was killed."""

    bytes: int
    kept: int


@dataclass(frozen=True)
class Killed:
    """One run after the other."""

    artifact: Artifact
    contestant: Contestant
    volume: Path

    def losses(self, kills: int, seed: int = 1) -> Iterator[Loss]:
        """As many as asked; a download that gets whole is checked, and another begun. Raises ``Failed``."""
        dice, done = random.Random(seed), 0  # noqa: S311 - the same offsets each time
        with origin(self.artifact.path.parent, LINK) as served:
            while done < kills:
                emptied(self.volume)
                for loss in self._download(served, dice):
                    done += 1
                    yield loss

    def _download(self, served: Origin, dice: random.Random) -> Iterator[Loss]:
        kept = 0
        while True:
            before = served.sent
            offset = dice.randrange(2 * self.artifact.packed // _MEAN_KILLS)
            if self._ends(served, before + offset):
                break
            if not served.wait_idle(_IDLE_SECONDS):
                raise Failed("a killed run's connections did not end")
            now = self._kept()
            yield Loss(served.sent - before - (now - kept), now)
            kept = now
        if tree_of(self.volume / self.contestant.model) != self.artifact.tree:
            raise Failed("a download that was killed holds other files than the artifact")

    def _ends(self, served: Origin, total: int) -> bool:
        """Whether it came to its end before the origin had sent so many bytes."""
        url = f"http://127.0.0.1:{served.port}/{self.artifact.path.name}"
        command = self.contestant.fetch(url, self.volume)
        environment = self.contestant.environment
        with subprocess.Popen(command, cwd="/", env=environment, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                if served.wait_sent(total, 0.01):
                    process.kill()
            if process.wait(LONGEST_SECONDS) > 0:
                raise Failed(f"a run ended with {process.returncode}")
            return process.returncode == 0

    def _kept(self) -> int:
        """Bytes that a successor need not fetch."""
        path = self.volume / NAME / "pieces"
        records = path.read_bytes() if path.exists() else b""
        whole = len(records) // RECORD.size * RECORD.size
        there = [number for number, (mark, _) in enumerate(RECORD.iter_unpack(records[:whole])) if mark == THERE]
        return sum(min(PIECE, self.artifact.packed - number * PIECE) for number in there)
