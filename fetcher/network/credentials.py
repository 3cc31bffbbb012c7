"""What the mounted Secret holds: a file for each key. It must not be told to anyone but the store."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fetcher.archives.names import shown
from fetcher.failures import DownloadFailed
from fetcher.network.dial import Origin, Target

LARGEST = 64 * 1024
MOST_NAMED = 8
"""Keys that a message names."""
IN_HEADERS = re.compile(r"[ -~]+")


@dataclass(frozen=True)
class Secret:
    """Headers that are sent to one origin and to no other, whatever redirect or URL leads there."""

    origin: Origin
    headers: Mapping[str, str] = field(repr=False)
    found: str | None = None
    """The names of its keys, for messages; None where there is no Secret."""

    @property
    def is_useless(self) -> bool:
        """A Secret is mounted, and none of its keys is one that such a server is told."""
        return self.found is not None and not self.headers

    def towards(self, wanted: Target) -> Mapping[str, str]:
        """The headers for a request to that server."""
        return self.headers if wanted.origin == self.origin else {}


@dataclass(frozen=True)
class Credentials:
    """A Secret's keys and values; ``ca_file`` is the certificate of a private authority."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None
    is_mounted: bool = False

    @property
    def found(self) -> str | None:
        """The names of the first keys, and of no values, for messages; None where no Secret is mounted."""
        if not self.is_mounted:
            return None
        names = sorted((*self.values, *(["ca.crt"] if self.ca_file else [])))
        more = ", ..." if len(names) > MOST_NAMED else ""
        return (
            ", ".join(shown(name.encode(errors="replace")).strip("'") for name in names[:MOST_NAMED]) + more or "none"
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """For http(s) servers: of ``token``, else of ``username`` and ``password``; raises ``DownloadFailed``."""
        if token := self.values.get("token"):
            if not IN_HEADERS.fullmatch(token):
                raise DownloadFailed(
                    "`token` in the artifactSecret holds a line break or another character that no HTTP header "
                    "can carry; it must be one line of printable ASCII characters"
                )
            return {"Authorization": f"Bearer {token}"}
        if user := self.values.get("username"):
            secret = base64.b64encode(f"{user}:{self.values.get('password', '')}".encode()).decode()
            return {"Authorization": f"Basic {secret}"}
        return {}


def read_credentials(folder: Path | None) -> Credentials:
    """None without a folder; raises ``DownloadFailed`` where it cannot be read."""
    if folder is None:
        return Credentials()
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        values = {path.name: _value(path) for path in files if path.name != "ca.crt"}
    except (OSError, UnicodeDecodeError) as error:
        raise DownloadFailed(f"the artifactSecret cannot be read: {type(error).__name__}") from error
    ca_file = folder / "ca.crt"
    return Credentials(values, ca_file if ca_file.is_file() else None, is_mounted=True)


def _value(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(LARGEST).strip()
