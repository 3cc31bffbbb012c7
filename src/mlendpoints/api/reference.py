"""The API reference, ``docs/reference/api.md``, generated from the types.

A table for each part of each kind, the messages of its rules, then conditions and reasons.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from mlendpoints.api.crd import KINDS, Kind
from mlendpoints.api.explanations import CONDITIONS, REASONS
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.patterns import HINTS, QUANTITY
from mlendpoints.api.structural import Schema, make_schema

HEAD: Final = f"""\
<!-- Made by `make generate` from src/mlendpoints/api; do not edit. -->
# API reference

Group and version: `{API_VERSION}`. All kinds are namespaced; `kubectl get mlendpoints` lists all of them.

Users write *templates*: models and configs that any number of endpoints may use, and for which nothing runs until an
endpoint uses them. For each endpoint the operator creates frozen versions of them, the *instances*, of the same kinds,
marked by `spec.instance`. Only the operator can create instances (an admission policy ensures it). In a model's
instance nothing but `spec.replicas` may change (`kubectl scale mlm/titanic-rfc-3f9c2ab1 --replicas 3`), in a config's
nothing at all.

`kubectl apply` and `create` reject unknown fields (`--validate=strict`, their default), as does the API server with
`fieldValidation=Strict`. `kubectl patch` and other clients only get a warning: the API server drops unknown fields.

A *quantity* is a Kubernetes quantity, such as `500m`, `2` or `1Gi`; whole numbers need no quotes (`cpus: 1`), fractions
do (`cpus: "0.5"`).

`MLModel` is independent of these: the operator creates a claim, a download Job, a Deployment and a Service for it,
without templates.

What the API server cannot validate (does the config exist, can the image be pulled) is reported in
[conditions](#conditions).
"""


def make_reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *(_kind(kind) for kind in KINDS), _conditions(), _reasons()])


def _kind(kind: Kind) -> str:
    schema = make_schema(kind)
    intro = f"## {kind.KIND}\n\nShort name `{KINDS[kind].short}`. {schema['description']}\n"
    columns = ", ".join([*KINDS[kind].columns, *(f"{name} (wide)" for name in KINDS[kind].wide), "Age"])
    parts = [
        *_sections("metadata", {"x-kubernetes-validations": _rules(schema)}),
        *_sections("spec", schema["properties"]["spec"]),
        *_sections("status", schema["properties"]["status"]),
    ]
    return "\n".join([intro, f"`kubectl get {KINDS[kind].short}` shows: Name, {columns}.\n", *parts])


def _sections(path: str, schema: Schema) -> Iterator[str]:
    yield f"### {path}\n\n{schema.get('description', 'As in every Kubernetes object.')}\n"
    fields = schema.get("properties", {})
    if fields:
        required = schema.get("required", [])
        rows = [_row(name, field, required=name in required) for name, field in fields.items()]
        yield _table(["Field", "Type", "Default", "Bounds", "Meaning"], rows)
    if rules := _rules(schema):
        yield "\n".join(["Rules:\n", *(f"- {_text(rule['message'])}." for rule in rules), ""])
    for name, field in fields.items():
        inner, suffix = (field["items"], "[]") if "items" in field else (field, "")
        if "properties" in inner:
            yield from _sections(f"{path}.{name}{suffix}", inner)


def _row(name: str, field: Schema, *, required: bool) -> list[str]:
    default = "**required**" if required else _default(field)
    return [f"`{name}`", _type(field), default, _bounds(field), field.get("description", "")]


def _default(field: Schema) -> str:
    if "properties" in field or "default" not in field:
        return ""
    return f"`{msgspec.json.encode(field['default']).decode()}`"


def _type(field: Schema) -> str:
    if _is_quantity(field):
        return "quantity"
    if "items" in field:
        return f"list of {_types(field['items'])}" + (f", by `{_key(field)}`" if _key(field) else "")
    if "additionalProperties" in field:
        return f"map to {_types(field['additionalProperties'])}"
    return "time" if field.get("format") == "date-time" else str(field["type"])


def _types(field: Schema) -> str:
    return "quantities" if _is_quantity(field) else f"{_type(field)}s"


def _is_quantity(field: Schema) -> bool:
    return any(rule["message"] == HINTS[QUANTITY] for rule in _rules(field))


def _key(field: Schema) -> str:
    return "".join(field.get("x-kubernetes-list-map-keys", []))


def _bounds(field: Schema) -> str:
    bounds = [
        _one_of(field),
        _span(field, "minimum", "maximum", unit=""),
        "" if _is_quantity(field) else _span(field, "minLength", "maxLength", unit=" characters"),
        _span(field, "minItems", "maxItems", unit=" items"),
        _span(field, "minProperties", "maxProperties", unit=" entries"),
        *(rule["message"] for rule in _rules(field) if "properties" not in field and not _is_quantity(field)),
    ]
    return "; ".join(text for text in bounds if text)


def _one_of(field: Schema) -> str:
    return "one of " + ", ".join(f"`{value or '(empty)'}`" for value in field["enum"]) if "enum" in field else ""


def _span(field: Schema, least: str, most: str, *, unit: str) -> str:
    low, high = field.get(least), field.get(most)
    if high is None:
        return "" if low is None else f"at least {low}{unit}"
    return f"{low}..{high}{unit}" if low is not None else f"at most {high}{unit}"


def _rules(schema: Schema) -> list[Schema]:
    rules: list[Schema] = schema.get("x-kubernetes-validations", [])
    return rules


def _conditions() -> str:
    rows = [[f"`{kind.value}`", meaning] for kind, meaning in CONDITIONS.items()]
    text = (
        "True is good. All but the last are an endpoint's. Model instances have `Ready` as well. An MLModel has\n"
        "`Available` (some version is ready), `Ready` (the requested one is, with all its pods), `Reconciling`,\n"
        "and like an endpoint `MonitoringReady`.\n"
    )
    return f"## Conditions\n\n{text}\n{_table(['Condition', 'True means'], rows)}"


def _reasons() -> str:
    rows = [[f"`{reason.value}`", why.meaning, why.action] for reason, why in REASONS.items()]
    text = "Each condition has one of these reasons, and a message with the details. Events have the same.\n"
    return f"## Reasons\n\n{text}\n{_table(['Reason', 'What it means', 'What to do'], rows)}"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_text(cell) for cell in line) + " |" for line in lines) + "\n"


def _text(plain: str) -> str:
    return plain.replace("|", "\\|").replace("<", "&lt;")
