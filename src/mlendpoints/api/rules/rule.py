"""A CEL rule of a CRD, and the CEL that compares an object with its previous version."""

from collections.abc import Iterable

from msgspec import Struct


class Rule(Struct, frozen=True):
    """One CEL rule; ``field`` is the invalid field, in camelCase; empty for the struct itself.

    With ``unless_same``, an object that violates it already may be written as long as these fields are unchanged;
    with ``sees_old``, the rule itself says what of ``oldSelf``, an optional, may stay.
    """

    cel: str
    message: str
    field: str = ""
    unless_same: tuple[str, ...] = ()
    sees_old: bool = False


def same(field: str, old: str = "oldSelf") -> str:
    """CEL: the field is unchanged, or still unset."""
    return f"has(self.{field}) == has({old}.{field}) && (!has(self.{field}) || self.{field} == {old}.{field})"


def all_same(names: Iterable[str]) -> str:
    """CEL: all these fields are unchanged."""
    return " && ".join(f"({same(name)})" for name in names)
