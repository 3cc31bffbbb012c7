"""The example's notebook, as it is committed. A test on a whole cluster runs it."""

import ast
from pathlib import Path

import msgspec

from tests.kit.notebooks import code_cells, program

NOTEBOOK = Path(__file__).parents[3] / "examples" / "notebook.ipynb"


def test_the_notebook_is_committed_without_outputs() -> None:
    assert msgspec.json.decode(NOTEBOOK.read_bytes())["nbformat"] == 4
    assert [(cell["outputs"], cell["execution_count"]) for cell in code_cells(NOTEBOOK)] == [([], None)] * 9


def test_its_cells_are_a_program() -> None:
    assert ast.parse(program(NOTEBOOK)).body
