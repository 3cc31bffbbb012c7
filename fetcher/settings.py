"""The command line and the environment, as one frozen value. It must not touch the disk or the network."""

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ALLOWED_VARIABLE = "MODEL_INIT_ALLOWED_ADDRESSES"


@dataclass(frozen=True)
class Settings:
    """What to fetch, where to put it, and how much is allowed. Sizes in bytes, times in seconds."""

    artifact: str
    volume: Path
    digest: str = ""
    credentials: Path | None = None
    claims: Path = Path("/claims")
    allowed_addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    limit_bytes: int = 1 << 40
    limit_entries: int = 100_000
    limit_ratio: int = 200
    streams: int = 16
    keep_partial: bool = True
    attempts: int = 5
    pause_seconds: float = 1.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    termination_log: Path = Path("/dev/termination-log")

    @property
    def model(self) -> Path:
        """The folder that appears once the artifact is complete."""
        return self.volume / "model"


def parse(arguments: Sequence[str]) -> Settings:
    """Exits with code 2 and a message on stderr for a wrong command line."""
    parser = argparse.ArgumentParser(prog="model-init", description="Fetches a model's artifact into VOLUME/model.")
    _add_what(parser)
    _add_limits(parser)
    _add_network(parser)
    parser.add_argument("--termination-log", type=Path, default=Settings.termination_log)
    return Settings(**vars(parser.parse_args(arguments)))


def _add_what(parser: argparse.ArgumentParser) -> None:
    what = "URL (http, https, s3, gs, az) or pvc://claim/path of a tar, tar.gz, tar.zst, zip, plain file or folder"
    parser.add_argument("--artifact", required=True, help=what)
    parser.add_argument("--volume", type=Path, required=True, help="mounted volume; the artifact becomes VOLUME/model")
    parser.add_argument("--digest", type=_digest, default="", help="sha256:<64 hex digits> of the artifact as fetched")
    parser.add_argument("--credentials", type=Path, help="mounted Secret: a file for each key, ca.crt among them")
    parser.add_argument(
        "--claims", type=Path, default=Settings.claims, help="folder of the mounted claims of pvc:// URLs"
    )
    parser.add_argument(
        "--keep-partial",
        action=argparse.BooleanOptionalAction,
        default=Settings.keep_partial,
        help="cache the partial download, space permitting, so that it resumes after a kill",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit-bytes", type=int, default=Settings.limit_bytes, help="of the artifact, packed and unpacked"
    )
    parser.add_argument("--limit-entries", type=int, default=Settings.limit_entries, help="files and folders")
    parser.add_argument("--limit-ratio", type=int, default=Settings.limit_ratio, help="unpacked : packed")


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--streams", type=_streams, default=Settings.streams, help="concurrent requests at most: 1-16")
    parser.add_argument(
        "--allow-address",
        dest="allowed_addresses",
        type=ip_network,
        action=_Appended,
        default=_networks(os.environ.get(ALLOWED_VARIABLE, "")),
        help=f"allowed address or network, although it is loopback or link-local; {ALLOWED_VARIABLE}",
    )
    parser.add_argument(
        "--attempts", type=int, default=Settings.attempts, help="attempts on network errors, timeouts and 5xx"
    )
    parser.add_argument(
        "--pause-seconds", type=float, default=Settings.pause_seconds, help="before the first retry; then doubled"
    )
    parser.add_argument("--connect-seconds", type=float, default=Settings.connect_seconds, help="connection timeout")
    parser.add_argument(
        "--read-seconds", type=float, default=Settings.read_seconds, help="read timeout: longest silence of the server"
    )


class _Appended(argparse.Action):
    """Appends to a tuple, after the values from the environment."""

    def __call__(self, _parser: object, namespace: argparse.Namespace, value: object, _option: object = None) -> None:
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), value))


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Exits with code 2 for an invalid address."""
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise SystemExit(f"{ALLOWED_VARIABLE}: {error}") from error


def _streams(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 16:
        raise argparse.ArgumentTypeError("expected a number from 1 to 16")
    return int(text)


def _digest(text: str) -> str:
    if text and not DIGEST.fullmatch(text):
        raise argparse.ArgumentTypeError("expected sha256: and 64 lower-case hex digits")
    return text
