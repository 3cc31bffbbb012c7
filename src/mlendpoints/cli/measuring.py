"""Lines of the verb metrics: what the pods of each version have counted. Pure."""

from collections.abc import Callable

from msgspec import Struct

from mlendpoints.client.counting import Counts

_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
HEADER = ("VARIANT", "VERSION", "PODS", "REQUESTS", "ERRORS", "P50", "P99", "CPU", "MEMORY")


class Row(Struct, frozen=True, kw_only=True, rename="camel"):
    """The figures of one version, since its pods have started or within some seconds."""

    variant: str
    version: str
    pods: int
    requests: int
    errors: int  # responses with a status of 500 or more
    p50_seconds: float | None
    p99_seconds: float | None
    cpu_cores: float | None  # within some seconds only
    cpu_requested: float | None
    memory_bytes: float | None
    memory_limit: float | None


def make_row(variant: str, version: str, counts: Counts, seconds: float = 0.0) -> Row:
    """The figures of a version; ``seconds``: within which they were counted, 0 since its pods have started."""
    return Row(
        variant=variant,
        version=version,
        pods=counts.pods,
        requests=round(counts.count),
        errors=round(counts.errors),
        p50_seconds=counts.latency(0.5),
        p99_seconds=counts.latency(0.99),
        cpu_cores=counts.cpu_seconds / seconds if seconds and counts.cpu_seconds is not None else None,
        cpu_requested=counts.cores,
        memory_bytes=counts.memory,
        memory_limit=counts.limit,
    )


def cells(row: Row) -> list[str]:
    """The row as text, below ``HEADER``."""
    share = f" ({row.errors / row.requests:.1%})" if row.errors else ""
    return [
        row.variant,
        row.version,
        str(row.pods),
        str(row.requests),
        f"{row.errors}{share}",
        milliseconds(row.p50_seconds),
        milliseconds(row.p99_seconds),
        _used(row.cpu_cores, row.cpu_requested, lambda value: f"{value:.2g}"),
        _used(row.memory_bytes, row.memory_limit, size),
    ]


def _used(used: float | None, of: float | None, text: Callable[[float], str]) -> str:
    if used is None:
        return ""
    return text(used) if of is None else f"{text(used)} of {text(of)}"


def milliseconds(seconds: float | None) -> str:
    """A time in milliseconds; empty if it is not known.

    >>> milliseconds(0.0123), milliseconds(2.5), milliseconds(None)
    ('12.3 ms', '2500 ms', '')
    """
    return "" if seconds is None else f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def size(amount: float) -> str:
    """Bytes in a binary unit.

    >>> size(3 << 20), size(100)
    ('3.0 MiB', '100 B')
    """
    return next((f"{amount / unit:.1f} {name}" for name, unit in _UNITS if amount >= unit), f"{amount:.0f} B")
