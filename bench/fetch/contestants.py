"""Who fetches: each as a command line from a URL to an empty folder. Nothing here runs anything."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.fetch import installed
from bench.fetch.artifact import Artifact

OURS, LEAN, TIGHT = "ours", "ours, nothing kept", "ours, no room"
KSERVE, CURL = "kserve-storage", "curl | tar"
_KSERVE = "import sys; from kserve_storage import Storage; Storage.download(sys.argv[1], sys.argv[2])"
_UNPACKERS = {"tar.gz": "tar -xz", "tar": "tar -x"}
_KEEPS = {"PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE"}


@dataclass(frozen=True)
class Contestant:
    """``start`` is what it runs when there is nothing to fetch: the time that it takes to begin."""

    name: str
    command: tuple[str, ...]
    start: tuple[str, ...]
    environment: Mapping[str, str]
    model: str = "."

    def fetch(self, url: str, folder: Path) -> tuple[str, ...]:
        """Its command line."""
        return tuple(word.replace("{URL}", url).replace("{FOLDER}", str(folder)) for word in self.command)


def contestants(artifact: Artifact, *, kserve: bool) -> list[Contestant]:
    """All that can fetch this artifact."""
    form = artifact.path.name.partition(".")[2]
    found = [ours(artifact, OURS), ours(artifact, LEAN, "--no-keep-partial")]
    if kserve:
        found.append(_kserve())
    if form in _UNPACKERS:
        found.append(_curl(_UNPACKERS[form]))
    return found


def confined(artifact: Artifact) -> Contestant:
    """Ours, on a volume that holds little more than the model: what is kept has to give way."""
    return ours(artifact, TIGHT, "--limit-bytes", str(artifact.unpacked * 102 // 100))


def ours(artifact: Artifact, name: str, *more: str) -> Contestant:
    """model-init, as its image starts it."""
    python = (str(installed.python()), "-m", "fetcher")
    what = ("--artifact", "{URL}", "--volume", "{FOLDER}", "--digest", artifact.digest)
    where = ("--allow-address", "127.0.0.0/8", "--termination-log", os.devnull)
    settings = {"PYTHONPATH": str(installed.model_init()), "PYTHONUNBUFFERED": "1"}
    return Contestant(name, (*python, *what, *where, *more), (*python, "--help"), _environment(settings), "model")


def _kserve() -> Contestant:
    python = (str(installed.kserve_python()), "-c")
    start = (*python, _KSERVE.rpartition(";")[0])
    return Contestant(KSERVE, (*python, _KSERVE, "{URL}", "{FOLDER}"), start, _environment({}))


def _curl(unpack: str) -> Contestant:
    pipe = f'set -o pipefail; curl --silent --fail "{{URL}}" | {unpack} -f - -C "{{FOLDER}}"'
    return Contestant(CURL, ("bash", "-c", pipe), ("bash", "-c", "curl --version | tar --version"), _environment({}))


def _environment(more: Mapping[str, str]) -> Mapping[str, str]:
    """Few variables, and no proxy: all goes over loopback."""
    return {**{key: value for key, value in os.environ.items() if key in _KEEPS}, **more}


def interpreter() -> tuple[str, ...]:
    """For the benchmark's own processes."""
    return (sys.executable, "-m")
