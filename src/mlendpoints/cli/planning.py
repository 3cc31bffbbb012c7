"""What ``plan`` is given and what it prints. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mlendpoints.cli.errors import UsageError
from mlendpoints.cli.output import Format, document

if TYPE_CHECKING:
    from mlendpoints.client.plans import Preview
    from mlendpoints.core.canonical import Manifest


def grouped(documents: "Iterable[Manifest]", namespace: str) -> "tuple[dict[str, list[Manifest]], list[str]]":
    """Documents of mlendpoints' kinds by their namespaces, and what the others are; raises ``UsageError``.

    ``namespace``: the one that the user has named, which documents may not contradict.
    """
    from mlendpoints.client.documents import is_ours, make_object

    groups: dict[str, list[Manifest]] = {}
    others, seen = [], set()
    for each in documents:
        if not is_ours(each):
            others.append(each["kind"])
            continue
        metadata = make_object(each).metadata
        if namespace and metadata.namespace not in ("", namespace):
            raise UsageError(f"{each['kind']} {metadata.name} is in namespace {metadata.namespace}, not {namespace}.")
        key = (each["kind"], metadata.namespace, metadata.name)
        if key in seen:
            raise UsageError(f"{each['kind']} {metadata.name} occurs twice.")
        seen.add(key)
        groups.setdefault(metadata.namespace, []).append(each)
    return groups, list(dict.fromkeys(others))


def is_possible(preview: "Preview") -> bool:
    """Whether quotas have room for it, and everything is ready in the end."""
    return preview.fits and not preview.plan.waits_for


def plan_lines(previews: "Sequence[Preview]", form: Format) -> list[str]:
    """Previews as text, as data, or as the names of what is created, changed and removed."""
    if form in ("json", "yaml"):
        import msgspec

        data = [msgspec.to_builtins(preview) for preview in previews]
        return document(data[0] if len(data) == 1 else data, form)
    if form == "name":
        return list(dict.fromkeys(name for preview in previews for name in _names(preview)))
    return [line for preview in previews for line in str(preview).splitlines()]


def _names(preview: "Preview") -> Iterator[str]:
    plan = preview.plan
    changed = (change.object for change in (*preview.change, *plan.change))
    for ref in (*preview.create, *plan.create, *changed, *plan.remove):
        yield f"{ref.kind.lower()}/{ref.name}"
