"""Rules of instances: frozen fields never change."""

from msgspec.structs import fields

from mlendpoints.api.model import OPERATORS_PART, ModelInstance, ModelSpec
from mlendpoints.api.rules.rule import Rule, all_same, same

INSTANCES_STAY = Rule(
    "has(self.instance) == has(oldSelf.instance)",
    "instance is set by the operator only, when it creates the object; a template cannot become an instance",
    "instance",
)


_FROZEN = "this is an instance: nothing but replicas may change; edit the template that it was created from"
FROZEN_MODEL = Rule(
    "!has(self.instance) || "
    + all_same(field.encode_name for field in fields(ModelSpec) if field.name not in ("replicas", "instance")),
    _FROZEN,
)

# What the operator has frozen of its own in a version whose pods do not exist it may freeze again: the images together
# with the revision of the pod template that they fit. A policy keeps everybody else from it.
FROZEN_INSTANCE = Rule(
    all_same(field.encode_name for field in fields(ModelInstance) if field.name not in OPERATORS_PART)
    + f" && (!({same('builder')}) || "
    + all_same(f.encode_name for f in fields(ModelInstance) if f.name in OPERATORS_PART and f.name != "builder")
    + ")",
    _FROZEN,
)

FROZEN_CONFIG = Rule(
    "!has(self.instance) || self == oldSelf",
    "this is an instance: nothing may change; edit the template that it was created from",
)
