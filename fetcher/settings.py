"""The command line, as one frozen value. It must not touch the disk or the network."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Settings:
    """What to fetch, where to put it, and how much is allowed. Sizes in bytes, times in seconds."""

    artifact: str
    volume: Path
    digest: str = ""
    limit_bytes: int = 1 << 40
    limit_entries: int = 100_000
    limit_ratio: int = 200
    attempts: int = 5
    pause_seconds: float = 1.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    termination_log: Path = Path("/dev/termination-log")

    @property
    def model(self) -> Path:
        """The folder that appears when all is well."""
        return self.volume / "model"


def parse(arguments: Sequence[str]) -> Settings:
    """Ends the process with code 2 and a sentence on stderr for a wrong command line."""
    parser = argparse.ArgumentParser(prog="model-init", description="Fetches a model's artifact into VOLUME/model.")
    parser.add_argument("--artifact", required=True, help="http(s) URL of a tar, a tar.gz or a plain file")
    parser.add_argument("--volume", type=Path, required=True, help="mounted volume; the artifact becomes VOLUME/model")
    parser.add_argument("--digest", type=_digest, default="", help="sha256:<64 hex digits> of the artifact as fetched")
    parser.add_argument(
        "--limit-bytes", type=int, default=Settings.limit_bytes, help="of the artifact, packed and unpacked"
    )
    parser.add_argument("--limit-entries", type=int, default=Settings.limit_entries, help="files and folders")
    parser.add_argument("--limit-ratio", type=int, default=Settings.limit_ratio, help="unpacked : packed")
    parser.add_argument("--attempts", type=int, default=Settings.attempts, help="on network errors and 5xx")
    parser.add_argument(
        "--pause-seconds", type=float, default=Settings.pause_seconds, help="after the first; then doubled"
    )
    parser.add_argument("--connect-seconds", type=float, default=Settings.connect_seconds, help="connection time-out")
    parser.add_argument(
        "--read-seconds", type=float, default=Settings.read_seconds, help="longest silence of the server"
    )
    parser.add_argument("--termination-log", type=Path, default=Settings.termination_log)
    return Settings(**vars(parser.parse_args(arguments)))


def _digest(text: str) -> str:
    if text and not DIGEST.fullmatch(text):
        raise argparse.ArgumentTypeError("expected sha256: and 64 lower-case hex digits")
    return text
