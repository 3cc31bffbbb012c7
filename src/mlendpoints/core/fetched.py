"""What a download came to, in words, from the fetcher's termination message. It is said when the fetcher has ended."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from mlendpoints.core.reasons.containers import FETCHER
from mlendpoints.core.world import ContainerFacts, PodFacts

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class _Figures(Struct, frozen=True, rename="camel"):
    """What model-init leaves when it has fetched an artifact; nothing, when it has found it installed."""

    bytes: int
    seconds: float
    bytes_per_second: int


def fetched(pods: Iterable[PodFacts]) -> str:
    """Such as ``1.2 GiB in 5.9 s (210 MiB/s)``, of the first pod by name that has fetched; empty while none has."""
    containers = (each for pod in sorted(pods, key=lambda pod: pod.name) for each in pod.containers)
    return next((said for each in containers if each.name == FETCHER and (said := _said(each))), "")


def _said(container: ContainerFacts) -> str:
    if container.exit_code != 0 or not container.last_words:
        return ""
    try:
        figures = msgspec.json.decode(container.last_words, type=_Figures)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    return f"{_amount(figures.bytes)} in {figures.seconds:.1f} s ({_amount(figures.bytes_per_second)}/s)"


def _amount(size: float) -> str:
    """In the largest binary unit of which it is one at least."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{f'{size:.1f}'.removesuffix('.0')} {_UNITS[unit]}"
