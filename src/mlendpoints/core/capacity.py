"""Whether what a course needs at its peak fits into the quotas of its namespace, and onto the nodes."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.core.course import PODS, Course, Usage, total
from mlendpoints.core.nodes import is_of_nodes
from mlendpoints.core.quantities import canonical_quantity, exact
from mlendpoints.core.world import MLModelWorld, World

_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory"}  # of ResourceQuotas
_NONE = Fraction(0)


class Quota(Struct, frozen=True, kw_only=True):
    """One ResourceQuota: its limits and what is used of them, as the API server says."""

    name: str
    hard: Mapping[str, str] = {}
    used: Mapping[str, str] = {}


class Need(Struct, frozen=True, kw_only=True):
    """What pods request of one resource, now and at the peak, and what a quota and the nodes leave for them."""

    resource: str
    now: str
    peak: str
    quota: str = ""  # the ResourceQuota that limits it most; empty if none does
    left: str = ""  # of that quota
    fits: bool = True  # into the quota
    free: str = ""  # of the nodes that can take these pods; empty if it is not known, or nothing of nodes
    has_nodes: bool = True  # as many as are requested more are free


def needs(
    now: Usage,
    courses: Iterable[Course[World] | Course[MLModelWorld]],
    quotas: Iterable[Quota],
    free: Usage | None = None,
) -> tuple[Need, ...]:
    """Each resource that the pods of the courses request; pods first. ``free``: of nodes, None if it is not known."""
    peak, known = total(course.peak for course in courses), tuple(quotas)
    names = sorted({*now, *peak}, key=lambda name: (name != PODS, name))
    return tuple(_need(name, now.get(name, _NONE), peak.get(name, _NONE), quotas=known, free=free) for name in names)


def _need(name: str, now: Fraction, peak: Fraction, *, quotas: tuple[Quota, ...], free: Usage | None) -> Need:
    limits = sorted((left, quota.name) for quota in quotas for left in _left(quota, name))
    need = Need(resource=name, now=_text(now), peak=_text(peak))
    if limits:
        left, quota = limits[0]
        need = replace(need, quota=quota, left=_text(left), fits=peak - now <= left)
    if free is None or not is_of_nodes(name):
        return need
    there = free.get(name, _NONE)
    return replace(need, free=_text(there), has_nodes=peak - now <= there)


def _left(quota: Quota, name: str) -> Iterable[Fraction]:
    for key, hard in quota.hard.items():
        if _ALIASES.get(key, key) == name:
            yield max(Fraction(0), exact(hard) - exact(quota.used.get(key, "0")))


def _text(amount: Fraction) -> str:
    """As a Kubernetes quantity; whole Mi are written so."""
    if amount.denominator == 1 and amount >= 1024 and amount % 1024 == 0:
        return canonical_quantity(f"{amount // 1024}Ki")
    return canonical_quantity(f"{float(amount * 1000):.0f}m")
