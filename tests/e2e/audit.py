"""The local API server's audit log: who wrote what."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlendpoints.api.policy import OPERATOR

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class AuditLog:
    """The log from where it ended at the last ``listen``; ``whole`` reads what was there before, too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.listen()

    def listen(self) -> None:
        """Forgets what is there."""
        self._start = self._path.stat().st_size

    def writes(self, namespace: str, *, user: str = OPERATOR, whole: bool = False) -> list[tuple[str, str, str]]:
        """A user's writes in a namespace, but for leases: (verb, resource, name)."""
        references = [
            (line["verb"], line["objectRef"])
            for line in self._lines(namespace, whole=whole)
            if line["verb"] in WRITES and line["user"]["username"] == user
        ]
        return [
            (verb, reference["resource"], reference.get("name", ""))
            for verb, reference in references
            if reference.get("namespace") == namespace and reference["resource"] != "leases"
        ]

    def mentions(self, text: str) -> bool:
        """Whether what was logged since holds ``text``."""
        return any(True for _ in self._lines(text, whole=False))

    def _lines(self, text: str, *, whole: bool) -> Iterator[dict[str, Any]]:
        """Finished lines that hold ``text``."""
        with self._path.open("rb") as log:
            log.seek(0 if whole else self._start)
            for line in log:
                if text.encode() in line and line.endswith(b"\n"):
                    yield json.loads(line)
