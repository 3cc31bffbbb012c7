"""The code cells of a notebook, in order, without Jupyter."""

from pathlib import Path
from typing import Any

import msgspec


def code_cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells (nbformat 4)."""
    cells: list[dict[str, Any]] = msgspec.json.decode(notebook.read_bytes())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def program(notebook: Path) -> str:
    """All cells as one program."""
    return "\n\n".join("".join(cell["source"]) for cell in code_cells(notebook)) + "\n"
