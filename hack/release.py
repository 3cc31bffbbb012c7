"""Makes what the wheel carries to install the operator: the chart as it is rendered, its values, and its variables.

The first line is a head; every other one is an object of ``deploy/install.yaml``. It must not decide what is in them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

_VARIABLE = re.compile(r"- \{name: (?P<variable>MLENDPOINTS_\w+), value: \{\{ (?P<expression>.*) \}\}\}")
_FORMS = (  # how a template writes the value, and what its form is called
    (re.compile(r'printf "%s/(?P<image>[\w-]+):%s" .* \| quote'), "image"),
    (re.compile(r'join "," \.Values\.(?P<value>[\w.]+) \| quote'), "list"),
    (re.compile(r"(?:\.Values\.(?P<value>[\w.]+) \| toJson|toJson \.) \| quote"), "json"),
    (re.compile(r"(?:\.Values\.(?P<value>[\w.]+)|\.) \| quote"), "text"),
)


def make_release(parts: Iterable[str], *, source: str, registry: str, values: str, variables: str) -> str:
    """JSON in lines; ``parts`` are YAML, ``values`` and ``variables`` the texts of values.yaml and _env.tpl."""
    head = {
        "source": source,
        "registry": registry,
        "values": yaml.safe_load(values),
        "variables": list(make_variables(variables)),
    }
    documents = (document for part in parts for document in yaml.safe_load_all(part) if document)
    return "".join(f"{json.dumps(line, separators=(',', ':'), ensure_ascii=False)}\n" for line in (head, *documents))


def make_variables(template: str) -> Iterator[Mapping[str, Any]]:
    """The operator's variables: from which value, in which form, and whether only if the value is set."""
    around = ""
    for line in template.splitlines():
        if opened := re.fullmatch(r"\{\{- (with|if) (.*) \}\}", line):
            around = opened[2]
        elif line.startswith("{{- end"):
            around = ""
        elif (found := _VARIABLE.fullmatch(line)) and not around.startswith("ne "):  # a condition needs Helm
            yield _variable(found["variable"], found["expression"], around.removeprefix(".Values."))


def _variable(name: str, expression: str, around: str) -> Mapping[str, Any]:
    for pattern, form in _FORMS:
        if found := pattern.fullmatch(expression):
            value = found.groupdict().get("image") or found.groupdict().get("value") or around
            return {"variable": name, "value": value, "form": form, "optional": bool(around)}
    raise ValueError(f"{name}: hack/release.py does not know this form: {expression}")
