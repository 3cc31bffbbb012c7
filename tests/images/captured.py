"""A pod that captures: its proxy with a spool, the records in it, and the account in its metrics."""

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.images.echo import Echo, echo
from tests.images.metered import metrics
from tests.images.processes import Running, nginx, until

NAMES = {"endpoint": "titanic", "variant": "blue", "model": "rfc", "version": "1", "instance": "rfc-1"}
SETTINGS = {
    "percentage": 100.0,
    "input": True,
    "output": True,
    "contentTypes": [],
    "maxBytes": 64 << 10,
    "headers": [],
    "paths": [],
    "memory": 64 << 20,
    "spool": 256 << 20,
    "names": NAMES,
}
JSON = "application/json"
RECORDS = "mlendpoints_capture_records_total"


@dataclass(frozen=True)
class Pod:
    """A model, the proxy before it, and the folder in which it writes records."""

    model: Echo
    proxy: Running
    spool: Path

    def files(self) -> list[Path]:
        """Those of the spool, the oldest first."""
        return sorted(self.spool.glob("*.jsonl"))

    def records(self) -> list[Any]:
        """All that is in the spool; a torn line at the end of a file is no record.

        The proxy writes a record after its caller has the response. It has one worker, which reports its metrics only
        after that.
        """
        self.account()
        return [json.loads(line) for file in self.files() for line in file.read_bytes().split(b"\n")[:-1]]

    def record(self) -> Any:  # noqa: ANN401 - JSON
        """The only one, once it is there."""
        (found,) = until(self.records)
        return found

    def account(self) -> dict[str, int]:
        """Requests by what became of their records, those that occurred; dropped ones by their reason."""
        named = Counter[str]()
        for sample in metrics(self.proxy)[RECORDS].samples:
            named[sample.labels["reason"] or sample.labels["result"]] += int(sample.value)
        return {name: count for name, count in named.items() if count}


@contextmanager
def capturing(
    folder: Path,
    /,
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,  # noqa: ANN401 - JSON
) -> Iterator[Pod]:
    """Both, until the block ends; whatever is held then is let go."""
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    capture = json.dumps(SETTINGS | {"folder": str(spool)} | settings)
    with (
        echo() as model,
        nginx(folder, **({"MODEL_PORT": str(model.port), "CAPTURE": capture} | dict(environment))) as proxy,
    ):
        try:
            yield Pod(model, proxy, spool)
        finally:
            model.go_on.set()


def body(record: Any, side: str) -> bytes | None:  # noqa: ANN401 - JSON
    """That of a record's ``Input`` or ``Output``; None if it has none."""
    found = record["captureData"].get(f"endpoint{side}")
    if found is None:
        return None
    data: str = found["data"]
    return b64decode(data, validate=True) if found["encoding"] == "BASE64" else data.encode()
