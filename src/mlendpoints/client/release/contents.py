"""What the wheel carries: the chart's objects, default values and variables."""

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
from msgspec import Struct

from mlendpoints.core.canonical import Manifest

PLACEHOLDER = "registry.example.com/mlendpoints"  # of a rendering that names no registry


class Variable(Struct, frozen=True):
    """A variable of the operator: from which value, how it is written, and whether only if the value is set."""

    variable: str
    value: str  # the value's path; of the form ``image`` the image's name
    form: Literal["text", "json", "list", "image"]
    optional: bool


class _Head(Struct, frozen=True):
    registry: str
    values: dict[str, Any]
    variables: tuple[Variable, ...]


class Release(Struct, frozen=True):
    """One release of the operator."""

    registry: str  # where its images are; empty if that is not known
    values: dict[str, Any]
    variables: tuple[Variable, ...]
    objects: tuple[Manifest, ...]

    @property
    def version(self) -> str:
        """The version of the chart's application."""
        labels: dict[str, str] = next(obj for obj in self.objects if obj["kind"] == "Deployment")["metadata"]["labels"]
        return labels["app.kubernetes.io/version"]


@cache
def read_release() -> Release:
    """The release in this wheel."""
    first, *lines = files(__package__).joinpath("manifests.jsonl").read_bytes().splitlines()
    head = msgspec.json.decode(first, type=_Head)
    objects = tuple(msgspec.json.decode(line, type=dict[str, Any]) for line in lines)
    registry = "" if head.registry == PLACEHOLDER else head.registry
    return Release(registry, head.values, head.variables, objects)
