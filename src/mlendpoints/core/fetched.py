"""The size and speed of a download, from the fetcher's termination message: known once the fetcher has terminated."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from mlendpoints.core.reasons.containers import FETCHER
from mlendpoints.core.world import ContainerFacts, PodFacts

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class _Figures(Struct, frozen=True, rename="camel"):
    """The termination message of a model-init that fetched an artifact; there is none if it was installed already."""

    bytes: int
    seconds: float
    bytes_per_second: int


def fetched(pods: Iterable[PodFacts]) -> str:
    """Such as ``1.2 GiB in 5.9 s (210 MiB/s)``, of the first pod by name that has fetched; empty while none has."""
    containers = (each for pod in sorted(pods, key=lambda pod: pod.name) for each in pod.containers)
    return next((summary for each in containers if each.name == FETCHER and (summary := _summary(each))), "")


def _summary(container: ContainerFacts) -> str:
    if container.exit_code != 0 or not container.termination_message:
        return ""
    try:
        figures = msgspec.json.decode(container.termination_message, type=_Figures)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    return f"{_amount(figures.bytes)} in {figures.seconds:.1f} s ({_amount(figures.bytes_per_second)}/s)"


def _amount(size: float) -> str:
    """In the largest binary unit of which it is at least one."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{f'{size:.1f}'.removesuffix('.0')} {_UNITS[unit]}"
