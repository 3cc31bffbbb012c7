"""The environment, as one frozen value: ``CAPTURE``, JSON as nginx gets it, and the port to capture. No I/O."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct


class InvalidSettings(Exception):  # noqa: N818 - reads as what it is
    """A variable is missing or invalid; its text names it."""


class Names(Struct, frozen=True):
    """Whose requests they are."""

    endpoint: str
    variant: str
    model: str
    version: str
    instance: str


class Settings(Struct, frozen=True, rename="camel"):
    """What is captured, and how much is allowed. Sizes in bytes."""

    names: Names
    folder: str
    spool: Annotated[int, Meta(ge=0)]
    percentage: Annotated[float, Meta(ge=0, le=100)] = 100.0
    input: bool = True
    output: bool = True
    content_types: tuple[str, ...] = ()
    max_bytes: Annotated[int, Meta(ge=1)] = 64 << 10
    headers: tuple[str, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()


class Process(Struct, frozen=True):
    """The settings, the model's port, and where gor and a scratch folder are."""

    settings: Settings
    port: int
    gor: str
    scratch: Path


def parse(environment: Mapping[str, str]) -> Process:
    """Raises ``InvalidSettings``."""
    try:
        settings = msgspec.json.decode(environment["CAPTURE"], type=Settings)
        port = int(environment["MODEL_PORT"])
    except KeyError as error:
        raise InvalidSettings(f"{error.args[0]} is missing") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidSettings(f"CAPTURE or MODEL_PORT is invalid: {error}") from error
    if not 0 < port < 65536:
        raise InvalidSettings("MODEL_PORT must be a port")
    scratch = Path(environment.get("TMPDIR", "/tmp"))  # noqa: S108 - a volume of its own
    return Process(settings, port, environment.get("GOR", "gor"), scratch)
