"""What goes to stdout: tables, JSON, YAML and names; plain when piped."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mlendpoints.client.objects import AnyObject
    from mlendpoints.core.canonical import Manifest

Format = Literal["", "json", "yaml", "name", "wide"]


def write(lines: Iterable[str]) -> None:
    """Writes lines to stdout."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def object_lines(
    objects: "Sequence[AnyObject]", form: Format, *, single: bool = False, namespaces: bool = False
) -> list[str]:
    """Objects in a format; in tables, those of one kind after those of another, as they come.

    ``single``: one object by name, which JSON and YAML do not wrap in a list.
    """
    from mlendpoints.cli.kinds import full_name

    match form:
        case "json" | "yaml":
            manifests = [with_status(obj) for obj in objects]
            return document(manifests[0] if single else _list(manifests), form)
        case "name":
            return [full_name(obj) for obj in objects]
    return _tables(objects, wide=form == "wide", namespaces=namespaces)


def _tables(objects: "Sequence[AnyObject]", *, wide: bool, namespaces: bool) -> list[str]:
    from mlendpoints.cli.columns import aligned, make_rows

    now = time.time()
    groups = [list(group) for _, group in groupby(objects, type)]
    tables = [aligned(make_rows(group, wide=wide, namespaces=namespaces, now=now)) for group in groups]
    return [line for table in tables for line in ("", *table)][1:]


def with_status(obj: "AnyObject") -> "Manifest":
    """The object as the API server has it, without what nobody reads (managedFields)."""
    from mlendpoints.client.objects import make_manifest
    from mlendpoints.core.canonical import canonical

    status = canonical(obj.status)
    return make_manifest(obj) | ({"status": status} if status else {})


def _list(items: "list[Manifest]") -> "Manifest":
    return {"apiVersion": "v1", "kind": "List", "items": items}


def document(value: Any, form: Format) -> list[str]:  # noqa: ANN401 - any JSON value
    """A value as JSON or YAML."""
    if form == "json":
        return json.dumps(value, indent=2, ensure_ascii=False).splitlines()
    return yaml_documents([value])


def yaml_documents(values: Iterable[Any]) -> list[str]:
    """Values as YAML documents."""
    import yaml

    return yaml.safe_dump_all(values, sort_keys=False, allow_unicode=True, width=120).splitlines()
