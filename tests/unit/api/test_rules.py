import re
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from mlendpoints.api import patterns
from mlendpoints.api.endpoint import EndpointSpec
from mlendpoints.api.endpointconfig import ProductionVariant
from mlendpoints.api.env import EnvVar, KeySelector
from mlendpoints.api.mlmodel import MLModelSpec
from mlendpoints.api.model import ModelSpec
from mlendpoints.api.rules.by_kind import RULES
from mlendpoints.api.rules.rule import Rule

ALL_RULES = [pytest.param(kind, rule, id=f"{kind.__name__}: {rule.message}") for kind in RULES for rule in RULES[kind]]


@pytest.mark.parametrize(("kind", "rule"), ALL_RULES)
def test_a_rule_blames_a_field_that_exists(kind: type[Struct], rule: Rule) -> None:
    assert not rule.field or rule.field in {field.encode_name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize(("kind", "rule"), ALL_RULES)
def test_a_rule_says_something_short(kind: type[Struct], rule: Rule) -> None:
    assert 10 < len(rule.message) < 200, kind
    assert not rule.message.endswith(".")


def test_every_pattern_has_its_sentence() -> None:
    named = {value for name, value in vars(patterns).items() if name.isupper() and isinstance(value, str)}

    assert named == set(patterns.HINTS)


@pytest.mark.parametrize("pattern", patterns.HINTS)
def test_a_sentence_ends_with_an_example_that_fits_or_names_the_form(pattern: str) -> None:
    said = patterns.HINTS[pattern]
    examples = re.findall(r"such as ([^\s,;]+)", said)

    assert said.startswith(("must be ", "must start "))
    assert all(re.search(pattern, example.rstrip(":")) for example in examples)


SMALLEST: dict[type[Struct], dict[str, Any]] = {
    EndpointSpec: {"config": "titanic", "host": "titanic.example.com"},
    EnvVar: {"name": "A"},
    KeySelector: {"name": "a", "key": "b"},
    MLModelSpec: {"image": "titanic"},
    ModelSpec: {"image": "titanic"},
    ProductionVariant: {"name": "blue", "model": "titanic"},
}


@pytest.mark.parametrize(
    ("kind", "field", "good", "bad"),
    [
        (EndpointSpec, "host", ["a.b", "a-1.example.com"], ["a", "A.b", "*.b", "a.b.", "-a.b", "a b.c", "a.b:80"]),
        (EndpointSpec, "config", ["a", "a-1"], ["", "A", "1a", "a-", "a.b"]),
        (EnvVar, "name", ["A", "_a.b-c1"], ["", "1A", "A B", "A=B"]),
        (KeySelector, "key", ["a", "a.b_c-D", "..data"], ["", "a b", "a/b"]),
        (KeySelector, "name", ["a", "a.b"], ["", "A"]),
        (ModelSpec, "image", ["a", "a.b:5000/c/D_e:1.4", f"a@sha256:{'0' * 64}"], ["", "a b", "https://a", ":a", "a:"]),
        (
            ModelSpec,
            "artifact",
            [
                *("", "http://a", "https://a.b:1/c?d=%20&e"),
                *("s3://abc", "s3://a.b-c/", "gs://a_b/c/d e.tgz", "az://abc/d", "pvc://a", "pvc://a.b/c d"),
            ],
            [
                *(
                    "a",
                    "http://",
                    "http://u@a/b",
                    "http://a/b#c",
                    "http://a/b c",
                    "ftp://a/b",
                    "file:///a",
                    "S3://abc/d",
                ),
                *(
                    "s3://",
                    "s3:///a",
                    "s3://ab",
                    "s3://Abc/d",
                    "s3://a@bc/d",
                    "s3://abc:1/d",
                    "s3://abc/d?e",
                    "gs://abc/#",
                ),
                *(
                    "az://a\nb",
                    "az://abc/\td",
                    "pvc://",
                    "pvc:///a",
                    "pvc://A/b",
                    "pvc://a_b/c",
                    "pvc://-a/b",
                    "pvc://a/b?c",
                ),
            ],
        ),
        (ModelSpec, "artifactDigest", ["", f"sha256:{'a' * 64}"], ["a" * 64, f"sha256:{'a' * 63}", f"md5:{'a' * 64}"]),
        (ModelSpec, "healthPath", ["/", "/ping", "/a/b.c~d"], ["", "ping", "/a?b", "/a b", "/ü"]),
        (ModelSpec, "serviceAccountName", ["", "a", "a.b-c"], ["A", "a_b", ".a", "a."]),
        (MLModelSpec, "accessMode", ["ReadWriteOnce", "ReadWriteMany"], ["", "ReadOnlyMany"]),
        (MLModelSpec, "downloadTimeoutSeconds", [1, 604800], [0, 604801]),
        (MLModelSpec, "healthPath", ["/v1/models/titanic"], ["v1/models/titanic"]),
        (MLModelSpec, "replicas", [0, 10000], [-1, 10001, None]),
        (MLModelSpec, "storageClass", ["", "fast-disks"], ["Fast", "fast disks"]),
        (ProductionVariant, "cpus", ["1", "0.5", "500m", 1], ["", "one", "-1", "1 Gi", "1e3", ".5", 0.5, True]),
        (ProductionVariant, "path", ["", "/a", "/a/b-c_d.e"], ["a", "/", "/a/", "//a", "/a b"]),
    ],
)
def test_python_draws_the_same_line(kind: type[Struct], field: str, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not _fits(kind, field, value)] == []
    assert [value for value in bad if _fits(kind, field, value)] == []


def _fits(kind: type[Struct], field: str, value: object) -> bool:
    try:
        msgspec.convert(SMALLEST[kind] | {field: value}, kind)
    except msgspec.ValidationError:
        return False
    return True
