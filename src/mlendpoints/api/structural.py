"""Structural schemas: the JSON schema that ``msgspec`` makes of a struct, turned into what a CRD needs.

References are resolved in place, every value has one type, lists say how they
merge, patterns and rules become CEL with messages that help. Defaults are
written if they carry information (8080, "serve") and left out if they do not
(empty, false), so that stored objects stay as they were written; in lists they
are always left out.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlendpoints.api.patterns import HINTS
from mlendpoints.api.rules.by_kind import RULES
from mlendpoints.api.rules.rule import Rule, same

Schema = dict[str, Any]

KEPT: Final = (
    "description",
    "type",
    "format",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
    "anyOf",
    "x-kubernetes-int-or-string",
)
LIST_KEYS: Final = {
    "Condition": "type",
    "EnvVar": "name",
    "LocalObjectReference": "name",
    "ProductionVariant": "name",
    "VariantStatus": "instance",  # in a swap, old and new share the variant
}
# The API server accepts integers and strings here, and rejects a fraction with a message of its own before it evaluates
# any rule. Of all ways to fail a schema, only an enumeration shows a message of ours.
_NO_FRACTION: Final = [{"enum": ['fractions in quotes, such as "0.5", or as "500m"']}, {"multipleOf": 1}]
_WHOLE: Final = [{"enum": ["whole numbers, such as 1; devices cannot be divided"]}, {"multipleOf": 1}]
_RULES = {kind.__name__: rules for kind, rules in RULES.items()}


def make_schema(kind: type[Struct]) -> Schema:
    """The structural schema of ``kind``, all its parts in place."""
    loose = msgspec.json.schema(kind)
    return _structural(loose, loose["$defs"])


def atomic_lists(schema: Schema) -> frozenset[str]:
    """Names of the fields, at any depth, that are lists and count as one value."""
    found = set[str]()
    for name, part in schema.get("properties", {}).items():
        found |= {name} if part.get("x-kubernetes-list-type") == "atomic" else atomic_lists(part.get("items", part))
    return frozenset(found)


def without_defaults(schema: Schema) -> Schema:
    """The same schema, under which the API server fills in nothing."""
    return _mapped(schema, lambda part: {key: value for key, value in part.items() if key != "default"})


def without_defaults_in_lists(schema: Schema) -> Schema:
    """The same schema, under which the API server fills in nothing below lists.

    Tools that compare stored with written objects treat a list as one value (docs/adr/0041).
    """
    return _mapped(schema, lambda part: part | {"items": without_defaults(part["items"])} if "items" in part else part)


def with_documented_defaults(schema: Schema) -> Schema:
    """The same schema, whose descriptions include the defaults."""
    return _mapped(schema, _documented_default)


def _documented_default(part: Schema) -> Schema:
    default = part.get("default")
    if "description" not in part or not default:
        return part
    shown = default if isinstance(default, str) else json.dumps(default)
    return part | {"description": f"{part['description']} Default: {shown}."}


def _mapped(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """The schema with a change made to it and to each of its parts, the innermost first."""
    kept = dict(schema)
    if "properties" in kept:
        kept["properties"] = {name: _mapped(part, change) for name, part in kept["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if inner in kept:
            kept[inner] = _mapped(kept[inner], change)
    return change(kept)


def _structural(loose: Schema, definitions: Mapping[str, Schema]) -> Schema:
    whole = _resolved(loose, definitions)
    schema = {key: whole[key] for key in KEPT if whole.get(key)} | {key: 0 for key in KEPT if whole.get(key) == 0}
    if "properties" in whole:
        schema["properties"] = {name: _structural(part, definitions) for name, part in whole["properties"].items()}
    if "additionalProperties" in whole:
        schema["additionalProperties"] = _undivided(_structural(whole["additionalProperties"], definitions))
    if "items" in whole:
        schema |= {"items": _structural(whole["items"], definitions)} | _merging(whole["items"])
    return schema | _validations(whole) | _default(whole)


def _undivided(amount: Schema) -> Schema:
    """Resources by name are devices: unlike CPUs, they have no fractions."""
    return amount | {"anyOf": _WHOLE} if "anyOf" in amount else amount


def _resolved(loose: Schema, definitions: Mapping[str, Schema]) -> Schema:
    around = {key: value for key, value in loose.items() if key not in ("$ref", "anyOf", "$defs")}
    if "$ref" in loose:
        return definitions[_name(loose)] | around
    if "anyOf" in loose:
        return _united([_resolved(part, definitions) for part in loose["anyOf"]]) | around
    return {"type": "string"} | around if "enum" in around else around


def _united(parts: list[Schema]) -> Schema:
    present = {part["type"]: part for part in parts if part["type"] != "null"}
    if set(present) == {"integer", "string"}:
        bounds = {key: value for key, value in present["string"].items() if key != "type"}
        return bounds | {"x-kubernetes-int-or-string": True, "anyOf": _NO_FRACTION}
    (only,) = present.values()
    return only


def _name(loose: Schema) -> str:
    return str(loose.get("$ref", "")).rpartition("/")[2]


def _merging(items: Schema) -> Schema:
    key = LIST_KEYS.get(_name(items))
    if key is None:
        return {"x-kubernetes-list-type": "atomic"}
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def _validations(whole: Schema) -> Schema:
    rules = [_rule(rule) for rule in _RULES.get(whole.get("title", ""), ())]
    if "pattern" in whole:
        rules.append(_pattern_rule(whole["pattern"], "string(self)" if "anyOf" in whole else "self"))
    return {"x-kubernetes-validations": rules} if rules else {}


def _pattern_rule(pattern: str, text: str) -> Schema:
    hint = HINTS[pattern]
    rest = json.dumps(f"' {hint}")
    return {
        "rule": f"{text}.matches(r'{pattern}')",
        "message": hint,
        "messageExpression": f"""\"'\" + {text} + {rest}""",
    }


def _rule(rule: Rule) -> Schema:
    path = {"fieldPath": f".{rule.field}"} if rule.field else {}
    if not rule.unless_same:
        old = {"optionalOldSelf": True} if rule.sees_old else {}
        return {"rule": rule.cel, "message": rule.message} | old | path
    unchanged = " && ".join(same(field, "oldSelf.value()") for field in rule.unless_same)
    cel = f"oldSelf.hasValue() && {unchanged} || {rule.cel}"
    return {"rule": cel, "message": rule.message, "optionalOldSelf": True} | path


def _default(whole: Schema) -> Schema:
    default = msgspec.to_builtins(whole.get("default"))
    says_something = bool(default) or (default == {} and "properties" in whole)
    return {"default": default} if says_something else {}
