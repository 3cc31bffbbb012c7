"""Documents of manifests: of files, of folders, of stdin."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlendpoints.cli.errors import UsageError

if TYPE_CHECKING:
    from mlendpoints.core.canonical import Manifest

SUFFIXES = (".json", ".yaml", ".yml")  # of what is read of a folder, as kubectl does


def read_documents(places: Iterable[str], *, recursive: bool) -> "list[Manifest]":
    """All documents in their order, those of Lists one by one; ``-`` is stdin; raises ``UsageError``."""
    files = [file for place in places for file in _files(place, recursive=recursive)]
    return [document for name, text in files for document in parse_documents(text, name)]


def read_values(place: str) -> "Manifest":
    """The one map in a YAML file; an empty file has none; raises ``UsageError``."""
    import yaml

    ((name, text),) = _files(place, recursive=False)
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{name} is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(found, Mapping | type(None)):
        raise UsageError(f"{name} contains no values by name.")
    return dict(found or {})


def _files(place: str, *, recursive: bool) -> Iterator[tuple[str, str]]:
    if place == "-":
        yield "stdin", sys.stdin.read()
        return
    path = Path(place)
    found = sorted(path.rglob("*") if recursive else path.glob("*")) if path.is_dir() else [path]
    chosen = [file for file in found if file.suffix in SUFFIXES and file.is_file()] if path.is_dir() else found
    if not chosen:
        raise UsageError(f"{place} contains no files that end with {', '.join(SUFFIXES)}.")
    for file in chosen:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(f"Cannot read {file}: {reason}.") from None


def parse_documents(text: str, name: str) -> "list[Manifest]":
    r"""The documents of a text, without empty ones; ``name`` is for messages; raises ``UsageError``.

    >>> parse_documents("kind: A\n---\nkind: List\nitems: [{kind: B}]\n", "stdin")
    [{'kind': 'A'}, {'kind': 'B'}]
    """
    import yaml

    try:
        found = list(yaml.load_all(text, Loader=_loader()))
    except yaml.YAMLError as error:
        raise UsageError(f"{name} is not YAML: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise UsageError(f"{name} is nested too deeply.") from None
    return [item for document in found if document is not None for item in _items(document, name)]


def _items(document: Any, name: str) -> "Iterator[Manifest]":  # noqa: ANN401 - any YAML
    if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
        raise UsageError(f"A document in {name} is no object with a kind.")
    if document["kind"] == "List" and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _items(item, name)
        return
    yield dict(document)


def _loader() -> Any:  # noqa: ANN401 - PyYAML's type, which is loaded only here
    """Reads times as text, as Kubernetes does."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    tag = "tag:yaml.org,2002:timestamp"
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != tag] for first, pairs in resolvers.items()
    }
    return Loader
