"""``import mlendpoints.client`` is cheap: each name is loaded at its first use, and what it needs with it."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mlendpoints.client as package

SLOW = ("aiohttp", "httpx2", "lightkube", "yaml")
NEVER = ("numpy", "pandas", "structlog", "prometheus_client")
LIGHT = (
    *("Model", "EndpointConfig", "Endpoint", "MLModel", "ObjectMeta", "NotFoundError", "WaitInterruptedError"),
    *("Answer", "FieldChange", "Explanation", "explain", "with_spec"),
)


def loaded(statement: str) -> set[str]:
    """The modules that a new Python has after the statement."""
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_no_library_and_no_other_module_of_it() -> None:
    found = loaded("import mlendpoints.client")
    assert found & {*SLOW, *NEVER, "asyncio", "msgspec", "ssl"} == set()
    assert {name for name in found if name.startswith("mlendpoints")} == {"mlendpoints", "mlendpoints.client"}


def test_objects_errors_and_edits_need_no_connection() -> None:
    assert loaded(f"from mlendpoints.client import {', '.join(LIGHT)}") & {*SLOW, *NEVER, "asyncio", "ssl"} == set()


def test_the_client_loads_neither_numpy_nor_what_only_the_operator_needs() -> None:
    found = loaded("from mlendpoints.client import *")
    assert found & set(NEVER) == set()
    assert [name for name in found if name.startswith("mlendpoints.core.manifests")] == []


def test_every_name_is_loaded_from_where_type_checkers_see_it() -> None:
    tree = ast.parse(Path(package.__file__).read_text())
    seen = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "mlendpoints." in str(node.module)]
    homes = {name.name: str(node.module) for node in seen for name in node.names}
    assert sorted(homes) == package.__all__
    for name, module in homes.items():
        assert getattr(package, name) is getattr(import_module(module), name)


def test_names_are_listed_before_they_are_used() -> None:
    program = "import mlendpoints.client as package; print({*package.__all__} - {*dir(package)} or 'all')"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == "all"


def test_an_unknown_name_is_an_error_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match=r"module 'mlendpoints\.client' has no attribute 'Modell'"):
        _ = package.Modell  # type: ignore[attr-defined]
