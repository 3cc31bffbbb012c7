"""Removes secrets, as nginx does (images/nginx/redact.js): headers of credentials or addresses, and what is named.

No I/O.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

REDACTED = "[REDACTED]"
SECRET = re.compile(
    "auth|cookie|token|secret|passw|pwd|(api|access|account|private|subscription)[-_]?key|credential|session|signature"
    "|jwt|client-cert"
)
CALLER = re.compile(
    "forwarded|x-forwarded-for|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip"
    "|x-envoy-external-address"
)


def header(name: str, value: str, more: Iterable[str]) -> str:
    """The value of a header, by its name in lower case."""
    return REDACTED if SECRET.search(name) or CALLER.fullmatch(name) or name in more else value


def body(text: str, paths: Iterable[tuple[str, ...]], *, is_lines: bool) -> str | None:
    """A JSON text, or lines of them, without the values at the paths; None if it is none."""
    try:
        if is_lines:
            return "\n".join(_document(line, paths) if line.strip() else "" for line in text.split("\n"))
        return _document(text, paths)
    except (ValueError, RecursionError):
        return None


def _document(text: str, paths: Iterable[tuple[str, ...]]) -> str:
    whole = [json.loads(text, parse_constant=_no_json)]
    for path in paths:
        _replace(whole, ("[*]", *path))
    return json.dumps(whole[0], separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _no_json(constant: str) -> Any:  # noqa: ANN401 - it never returns
    raise ValueError(constant)


def _replace(value: Any, path: tuple[str, ...]) -> None:  # noqa: ANN401 - JSON
    """``[*]`` is every item of a list; a path that leads nowhere replaces nothing."""
    step, rest = path[0], path[1:]
    if isinstance(value, list) and step == "[*]":
        keys: Iterable[Any] = range(len(value))
    elif isinstance(value, dict) and step != "[*]" and step in value:
        keys = (step,)
    else:
        return
    for key in keys:
        if rest:
            _replace(value[key], rest)
        else:
            value[key] = REDACTED
