"""The environment, as one frozen value. It must not touch the disk or the network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from shipper.names import Place

WORD = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


class InvalidSettings(Exception):  # noqa: N818 - reads as what it is
    """A variable is missing or invalid; its text names it."""


@dataclass(frozen=True)
class Settings:
    """Where from, where to, and how much is allowed. Times in seconds."""

    spool: Path
    sink: str
    place: Place
    instance: str = ""
    credentials: Path | None = None
    allowed_addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    claim: Path = Path("/sink")
    drain_seconds: float = 30.0
    quiet_seconds: float = 2.0
    look_seconds: float = 2.0
    pause_seconds: float = 1.0
    connect_seconds: float = 10.0
    request_seconds: float = 60.0


def parse(environment: Mapping[str, str]) -> Settings:
    """Raises ``InvalidSettings``."""
    place = Place(*(_word(environment, name) for name in ("ENDPOINT", "VARIANT", "POD")))
    credentials = environment.get("CREDENTIALS")
    return Settings(
        spool=Path(_required(environment, "SPOOL")),
        sink=_required(environment, "SINK"),
        place=place,
        instance=environment.get("INSTANCE", ""),
        credentials=Path(credentials) if credentials else None,
        allowed_addresses=_networks(environment.get("ALLOWED_ADDRESSES", "")),
        claim=Path(environment.get("CLAIM") or Settings.claim),
        **{name.lower(): _seconds(environment, name) for name in SECONDS if environment.get(name)},
    )


SECONDS = (
    *("DRAIN_SECONDS", "QUIET_SECONDS", "LOOK_SECONDS", "PAUSE_SECONDS"),
    *("CONNECT_SECONDS", "REQUEST_SECONDS"),
)


def _required(environment: Mapping[str, str], name: str) -> str:
    if not (value := environment.get(name)):
        raise InvalidSettings(f"{name} is missing")
    return value


def _word(environment: Mapping[str, str], name: str) -> str:
    """A part of objects' names; the variant may be empty."""
    value = environment.get(name, "")
    if not (WORD.fullmatch(value) or (name == "VARIANT" and not value)):
        raise InvalidSettings(f"{name} must consist of letters, digits, ., - and _, and begin and end with the former")
    return value


def _seconds(environment: Mapping[str, str], name: str) -> float:
    try:
        value = float(environment[name])
    except ValueError as error:
        raise InvalidSettings(f"{name} must be a number of seconds") from error
    if not 0 <= value <= 86_400:
        raise InvalidSettings(f"{name} must be between 0 and 86400")
    return value


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise InvalidSettings(f"ALLOWED_ADDRESSES: {error}") from error
