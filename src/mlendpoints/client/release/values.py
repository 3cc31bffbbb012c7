"""The chart's values as users write them: ``--set`` as Helm takes it, files, and checks against the defaults. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlendpoints.client.errors import ConfigurationError
from mlendpoints.client.suggestions import nearest, suggestion

Values = Mapping[str, Any]

_ITEM = re.compile(r"((?:[^,{\\]|\\.|\{[^}]*\})+)(?:,|$)")  # of a,b={c,d}
_SPECIAL: Mapping[str, Any] = {"true": True, "false": False, "null": None, "": ""}


def parse_assignments(texts: Iterable[str]) -> Values:
    r"""Values from ``--set`` in Helm's form; raises ``ConfigurationError``.

    >>> parse_assignments(["replicas=2,logLevel=debug", "fetch.allowedAddresses={10.0.0.1,10.0.0.2}"])
    {'replicas': 2, 'logLevel': 'debug', 'fetch': {'allowedAddresses': ['10.0.0.1', '10.0.0.2']}}
    >>> parse_assignments([r"podLabels.example\.com/team=a"])
    {'podLabels': {'example.com/team': 'a'}}
    """
    found: Values = {}
    for text in texts:
        for item in _items(text):
            found = overlaid(found, _assigned(item))
    return found


def _items(text: str) -> Iterator[str]:
    items = list(_ITEM.finditer(text))
    if "".join(item[0] for item in items) != text:
        raise ConfigurationError(f"Write KEY=VALUE, such as replicas=2, instead of {text}.")
    yield from (item[1] for item in items)


def _assigned(text: str) -> Values:
    path, equals, value = text.partition("=")
    keys = [key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", path)]
    if not equals or not all(keys):
        raise ConfigurationError(f"Write KEY=VALUE, such as replicas=2, instead of {text}.")
    found: Any = _value(value)
    for key in reversed(keys):
        found = {key: found}
    return dict(found)


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON value
    if text.startswith("{") and text.endswith("}"):
        return [_value(item) for item in text[1:-1].split(",") if item]
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
        return int(text)
    return _SPECIAL[text] if text in _SPECIAL else re.sub(r"\\(.)", r"\1", text)


def overlaid(base: Values, over: Values) -> dict[str, Any]:
    """The values with others over them: maps are merged, everything else is replaced, null removes.

    >>> overlaid({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}})
    {'a': {'c': 2, 'd': 3}}
    """
    both = {
        key: overlaid(base[key], value) if isinstance(base.get(key), Mapping) and isinstance(value, Mapping) else value
        for key, value in over.items()
    }
    return {key: value for key, value in {**base, **both}.items() if value is not None or key not in over}


def value_at(values: Values, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value at a dotted path; None if it is not set."""
    found: Any = values
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def complete(defaults: Values, given: Values, supported: Iterable[str]) -> dict[str, Any]:
    """All values; raises ``ConfigurationError`` for what the chart does not have, or what only Helm can render."""
    known = frozenset(supported)
    for path, value in _leaves(defaults, given, ""):
        default = value_at(defaults, path)
        if path not in known and value != default:
            raise ConfigurationError(f"{path} is for Helm only: its templates decide on it. Install the chart instead.")
        if default is not None and value is not None and not _is_like(default, value):
            raise ConfigurationError(f"{path} is a {_kind(default)}, not {value!r}.")
    return overlaid(defaults, given)


def _leaves(defaults: Values, given: Values, above: str) -> Iterator[tuple[str, Any]]:
    """Paths that the defaults have, and what is given for them."""
    for key, value in given.items():
        path = f"{above}{key}"
        if key not in defaults:
            near = suggestion(f"{above}{name}" for name in nearest(key, defaults)[:1])
            raise ConfigurationError(f"The chart has no value {path}.{near or f' It has: {_listed(defaults)}.'}")
        default = defaults[key]
        if isinstance(default, Mapping) and default and isinstance(value, Mapping) and key != "resources":
            yield from _leaves(default, value, f"{path}.")
        else:
            yield path, value


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _is_like(default: object, value: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, Mapping if isinstance(default, Mapping) else type(default))


def _kind(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
    return "map"
