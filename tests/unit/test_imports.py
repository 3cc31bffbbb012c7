"""What tests and benchmarks share has a place of its own, below both."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_THE_BENCHMARKS = ("tests/unit/bench/", "tests/e2e/test_zero_loss.py")  # what they test


def imported(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} has no modules"
    return found


def imports(folder: str) -> Iterator[tuple[str, str]]:
    return ((str(source.relative_to(ROOT)), name) for source in sources(folder) for name in imported(source))


def test_tests_import_no_benchmark_but_those_of_the_benchmarks() -> None:
    found = [(source, name) for source, name in imports("tests") if name.partition(".")[0] == "bench"]
    assert [pair for pair in found if not pair[0].startswith(OF_THE_BENCHMARKS)] == []
    assert found, "no benchmark is tested"


@pytest.mark.parametrize("folder", ["bench", "tests/kit"])
def test_benchmarks_and_what_is_shared_import_no_test(folder: str) -> None:
    of_tests = [(source, name) for source, name in imports(folder) if name.partition(".")[0] == "tests"]
    assert [pair for pair in of_tests if not f"{pair[1]}.".startswith("tests.kit.")] == []
    assert of_tests
