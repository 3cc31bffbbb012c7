"""Credentials from the mounted Secret: one file per key. They must be sent only to the server they are for."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from outbound.dial import Origin, Target
from outbound.failures import SECRET, RequestFailed, shown

LARGEST = 64 * 1024
MOST_NAMED = 8
"""Keys listed in a message."""
IN_HEADERS = re.compile(r"[ -~]+")


@dataclass(frozen=True)
class Secret:
    """Headers that are sent to one origin only, and never follow a redirect to another."""

    origin: Origin
    headers: Mapping[str, str] = field(repr=False)
    found: str | None = None
    """The names of its keys, for messages; None where there is no Secret."""

    @property
    def is_useless(self) -> bool:
        """A Secret is mounted, but has no key that is sent to http(s) servers."""
        return self.found is not None and not self.headers

    def towards(self, wanted: Target) -> Mapping[str, str]:
        """The headers for a request to that server."""
        return self.headers if wanted.origin == self.origin else {}


@dataclass(frozen=True)
class Credentials:
    """A Secret's keys and values; ``ca_file`` is the CA certificate of a private authority."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None
    is_mounted: bool = False

    @property
    def found(self) -> str | None:
        """The names of the first keys, without values, for messages; None if no Secret is mounted."""
        if not self.is_mounted:
            return None
        names = sorted((*self.values, *(["ca.crt"] if self.ca_file else [])))
        more = ", ..." if len(names) > MOST_NAMED else ""
        return (
            ", ".join(shown(name.encode(errors="replace")).strip("'") for name in names[:MOST_NAMED]) + more or "none"
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """For http(s) servers: from ``token``, else from ``username`` and ``password``; raises ``RequestFailed``."""
        if token := self.values.get("token"):
            if not IN_HEADERS.fullmatch(token):
                raise RequestFailed(
                    f"`token` in {SECRET} contains a line break or another character that is not allowed "
                    "in HTTP headers; it must be a single line of printable ASCII characters"
                )
            return {"Authorization": f"Bearer {token}"}
        if user := self.values.get("username"):
            secret = base64.b64encode(f"{user}:{self.values.get('password', '')}".encode()).decode()
            return {"Authorization": f"Basic {secret}"}
        return {}


def read_credentials(folder: Path | None) -> Credentials:
    """No credentials without a folder; raises ``RequestFailed`` if it cannot be read."""
    if folder is None:
        return Credentials()
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        values = {path.name: _value(path) for path in files if path.name != "ca.crt"}
    except (OSError, UnicodeDecodeError) as error:
        raise RequestFailed(f"{SECRET} cannot be read: {type(error).__name__}") from error
    ca_file = folder / "ca.crt"
    return Credentials(values, ca_file if ca_file.is_file() else None, is_mounted=True)


def _value(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(LARGEST).strip()
