"""Rounds: in each, every ceiling is measured and everybody fetches once, in an order that changes."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.fetch import ceilings
from bench.fetch.artifact import Artifact, emptied, tree_of
from bench.fetch.contestants import Contestant, interpreter
from bench.fetch.figures import Round, Work
from bench.fetch.origin import Link
from bench.fetch.steal import processors
from bench.fetch.watch import Failed, Peaks, timed, watched
from images.catalogue import ROOT


@dataclass(frozen=True)
class Course:
    """What is fetched, by whom, and where to; the folder is on the disk that is measured."""

    artifact: Artifact
    contestants: Sequence[Contestant]
    folder: Path

    def rounds(self, link: Link, count: int) -> list[Round]:
        """So many rounds over one link."""
        with origin_process(self.artifact.path.parent, link) as port:
            return [self._round(port, number) for number in range(count)]

    def peaks(self, *more: Contestant) -> dict[str, Peaks]:
        """Memory and disk of everybody and of some more, over a link without limits."""
        with origin_process(self.artifact.path.parent, Link()) as port:
            return {each.name: self._watched(each, port) for each in (*self.contestants, *more)}

    def starts(self, count: int) -> dict[str, list[float]]:
        """Seconds that everybody takes to begin."""
        return {
            each.name: [timed(each.start, each.environment).seconds for _ in range(count)] for each in self.contestants
        }

    def _round(self, port: int, number: int) -> Round:
        turn = number % len(self.contestants)
        order = [*self.contestants[turn:], *self.contestants[:turn]]
        before = processors()
        found = self._ceilings(port)
        fetches = {each.name: self._fetch(each, port) for each in order}
        shown = {each.name: fetches[each.name] for each in self.contestants}
        hashing, beside = ceilings.sha256(self.artifact), ceilings.beside(self.artifact)
        return Round(found, hashing, beside, shown, processors().share_since(before))

    def _ceilings(self, port: int) -> dict[str, Work]:
        self._settle()
        measures = {
            "network": partial(ceilings.network, port, self.artifact),
            "inflate": partial(ceilings.inflate, self.artifact),
            "disk": partial(ceilings.disk, self.folder / "ceiling", self.artifact),
        }
        return {name: measure() for name, measure in measures.items()}

    def _fetch(self, contestant: Contestant, port: int) -> Work:
        volume = self._settle()
        work = timed(contestant.fetch(self._url(port), volume), contestant.environment)
        self._check(contestant, volume)
        return work

    def _watched(self, contestant: Contestant, port: int) -> Peaks:
        volume = self._settle()
        return watched(contestant.fetch(self._url(port), volume), contestant.environment, volume)

    def _settle(self) -> Path:
        """Nothing of what ran before is left for the disk to do."""
        emptied(self.folder / "ceiling")
        volume = emptied(self.folder / "volume")
        os.sync()
        return volume

    def _check(self, contestant: Contestant, volume: Path) -> None:
        if tree_of(volume / contestant.model) != self.artifact.tree:
            raise Failed(f"{contestant.name} left other files than the artifact holds")

    def _url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/{self.artifact.path.name}"


@contextlib.contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder that goes with all it holds."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="run-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def origin_process(folder: Path, link: Link) -> Iterator[int]:
    """The port of an origin in a process of its own."""
    speed = ("--rate", str(link.rate), "--latency", str(link.latency))
    command = (*interpreter(), "bench.fetch.origin", str(folder), *speed)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline()) if process.stdout else 0
        finally:
            process.terminate()
