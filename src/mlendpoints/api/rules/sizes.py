"""Rules of sizes and placement: quantities, resources, nodes."""

from collections.abc import Mapping
from typing import Final

from mlendpoints.api.rules.rule import Rule

LABEL_KEY: Final = r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE: Final = r"^(|[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)$"


_ABOVE_ZERO = tuple(
    Rule(
        f"!has(self.{field}) || !isQuantity(string(self.{field})) "
        f"|| quantity(string(self.{field})).isGreaterThan(quantity('0'))",
        f"{field} must be above 0",
        field,
    )
    for field in ("cpus", "memory", "size")
)

_LEAST: Mapping[str, tuple[str, str]] = {"memory": ("4Mi", "512Mi"), "size": ("4Ki", "10Gi")}


def _too_small(field: str) -> str:
    least, meant = _LEAST[field]
    return (
        f"{field} must be at least {least}; a number without a unit counts bytes, and m their thousandths:"
        f" did you mean a unit such as Mi or Gi, as in {meant}?"
    )


def _is_large_enough(field: str, whose: str) -> str:
    """CEL: the quantity is not one whose unit was forgotten."""
    text = f"string({whose}.{field})"
    least = f"quantity({text}).compareTo(quantity('{_LEAST[field][0]}')) >= 0"
    return f"!has({whose}.{field}) || !isQuantity({text}) || {least}"


# Bounds that came later: a variant that violated one before may be written unchanged, and so may a version.
UNITS = tuple(Rule(_is_large_enough(field, "self"), _too_small(field), field, unless_same=(field,)) for field in _LEAST)
UNITS_OF_VARIANTS = tuple(
    Rule(
        f"has(self.instance) || self.models.all(m, {_is_large_enough(field, 'm')} || oldSelf.hasValue() && "
        f"oldSelf.value().models.exists(o, o.name == m.name && has(o.{field}) && o.{field} == m.{field}))",
        f"models[].{_too_small(field)}",
        "models",
        sees_old=True,
    )
    for field in _LEAST
)

PLACEMENT = (
    *_ABOVE_ZERO,
    Rule(
        "!has(self.resources) || self.resources.all(name, "
        "name.startsWith('hugepages-') || name.contains('/') && !name.contains('kubernetes.io/'))",
        "resources are named vendor/device or hugepages-<size>, such as nvidia.com/gpu; "
        "for CPU, memory and disk use cpus, memory and size",
        "resources",
    ),
    Rule(
        "!has(self.resources) || self.resources.all(name, !isQuantity(string(self.resources[name])) || "
        "quantity(string(self.resources[name])).isInteger() && "
        "quantity(string(self.resources[name])).isGreaterThan(quantity('0')))",
        "resources are whole numbers above 0, such as nvidia.com/gpu: 1",
        "resources",
    ),
    Rule(
        "!has(self.nodeSelector) || self.nodeSelector.all(key, "
        f"key.matches(r'{LABEL_KEY}') && self.nodeSelector[key].matches(r'{LABEL_VALUE}'))",
        "nodeSelector must contain valid node labels, such as kubernetes.io/arch: amd64",
        "nodeSelector",
    ),
)
