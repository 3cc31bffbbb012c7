"""Kubernetes quantities, written as the API server stores them.

What is sent must be what is stored, else every comparison finds a difference.
The rules are those of ``k8s.io/apimachinery/pkg/api/resource``: the largest
suffix that leaves an integer; binary suffixes only from 1024 on; resources are
rounded up to thousandths. What is left without a suffix is decimal when it is
read again, and so it is written: 437.5Ki is 448k, not 448000.
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.declared import quantity_fields

S = TypeVar("S", bound=Struct)

_DECIMAL = ("m", "", "k", "M", "G", "T", "P", "E")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([mkMGTPE]|[KMGTPE]i)?")
_RARE = re.compile(r"\+?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([nu]))")  # in objects of others
_SMALL = {"n": -9, "u": -6}


@lru_cache(maxsize=1024)  # many say the same
def canonical_quantity(quantity: str) -> str:
    """The stored form: ``1000m`` becomes ``1``, ``0.5`` ``500m``, ``1024Mi`` ``1Gi``.

    Raises:
        ValueError: it is no quantity.
    """
    value, is_binary = _parse(quantity)
    if value == 0:
        return "0"
    if is_binary and value % 1024 == 0:
        return _shortest(value.numerator, base=1024, suffixes=_BINARY)
    return _shortest(math.ceil(value * 1000), base=1000, suffixes=_DECIMAL)


def with_canonical_quantities(value: S) -> S:
    """The struct with all its quantities in canonical form, those by name sorted.

    Raises:
        ValueError: one is no quantity.
    """
    return replace(value, **{name: _canonical(getattr(value, name)) for name in quantity_fields(type(value))})


def _canonical(written: str | Mapping[str, str]) -> str | Mapping[str, str]:
    if isinstance(written, str):
        return canonical_quantity(written)
    return {name: canonical_quantity(amount) for name, amount in sorted(written.items())}


@lru_cache(maxsize=1024)
def whole_units(quantity: str) -> int:
    """The value in whole units, such as bytes, rounded up.

    Raises:
        ValueError: it is no quantity.
    """
    return math.ceil(_parse(quantity)[0])


def exact(quantity: str) -> Fraction:
    """The value as it is, in any form that Kubernetes stores.

    Raises:
        ValueError: it is no quantity.
    """
    rare = _RARE.fullmatch(quantity)
    if rare is None:
        return _parse(quantity)[0]
    return Fraction(rare[1]) * Fraction(10) ** (_SMALL[rare[3]] if rare[3] else int(rare[2]))


def _parse(quantity: str) -> tuple[Fraction, bool]:
    match = _PATTERN.fullmatch(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is not a Kubernetes quantity")
    number, suffix = Fraction(match[1]), match[2] or ""
    if suffix.endswith("i"):
        return number * 1024 ** _BINARY.index(suffix), True
    return number * Fraction(1000) ** (_DECIMAL.index(suffix) - _DECIMAL.index("")), False


def _shortest(number: int, *, base: int, suffixes: tuple[str, ...]) -> str:
    power = 0
    while number % base == 0 and power < len(suffixes) - 1:
        number //= base
        power += 1
    return f"{number}{suffixes[power]}"
