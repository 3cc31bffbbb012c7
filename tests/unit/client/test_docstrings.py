"""The examples in the docstrings of what needs no cluster."""

import doctest
import importlib

import pytest

PURE = (
    "channels",
    "documents",
    "edits",
    "explaining",
    "goals",
    "objects",
    "payloads",
    "counting",
    "release.values",
    "suggestions",
)


@pytest.mark.parametrize("name", PURE)
def test_examples_are_right(name: str) -> None:
    module = importlib.import_module(f"mlendpoints.client.{name}")
    result = doctest.testmod(module, raise_on_error=False)
    assert result.failed == 0


def test_there_are_examples() -> None:
    modules = [importlib.import_module(f"mlendpoints.client.{name}") for name in PURE]
    finder = doctest.DocTestFinder()
    assert sum(len(test.examples) for module in modules for test in finder.find(module)) > 10
