"""The examples in the docstrings of what needs no cluster."""

import doctest
import importlib

import pytest

PURE = (
    "arguments",
    "bodies",
    "columns",
    "completion",
    "errors",
    "kinds",
    "manifests",
    "measuring",
    "progress",
    "status",
)


@pytest.mark.parametrize("name", PURE)
def test_examples_are_right(name: str) -> None:
    module = importlib.import_module(f"mlendpoints.cli.{name}")
    result = doctest.testmod(module, raise_on_error=False)
    assert result.attempted > 0
    assert result.failed == 0
