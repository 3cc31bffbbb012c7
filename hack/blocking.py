"""Makes the blocking client from the asynchronous one: the same methods, signatures and docstrings.

Every method runs the asynchronous one in the client's background thread.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = "src/mlendpoints/client/blocking.py"
_CLIENT = ROOT / "src/mlendpoints/client"
_SOURCES = {"kinds": "AsyncKindClient", "endpoints": "AsyncEndpointClient"}
_HEAD = '''"""The blocking client's methods. Made by `make generate` from kinds.py and endpoints.py; do not edit."""
'''
_REPLACED = {
    "AsyncGenerator": "Iterator",
    "AsyncKindClient": "KindClient",
    "AsyncEndpointClient": "EndpointClient",
    "await ": "",
    "async for": "for",
    "async with": "with",
    "(asynchronous) ": "",
}
_RULES = "F401,I"


def make_blocking() -> str:
    """The module."""
    trees = {name: ast.parse((_CLIENT / f"{module}.py").read_text()) for module, name in _SOURCES.items()}
    imports = [node for tree in trees.values() for node in tree.body if isinstance(node, ast.ImportFrom | ast.Import)]
    shared = "from mlendpoints.client.background import Background"
    own = [f"from mlendpoints.client.{module} import {name}" for module, name in _SOURCES.items()]
    constants = [
        f"from mlendpoints.client.{module} import {', '.join(_used(trees[n]))}" for module, n in _SOURCES.items()
    ]
    classes = [_class(tree, name) for name, tree in trees.items()]
    generated = "from collections.abc import Iterator"
    text = "\n".join([_HEAD, *map(ast.unparse, imports), shared, generated, *own, *constants, *classes])
    return _formatted(text)


def _used(tree: ast.Module) -> list[str]:
    """Names that the module defines and that signatures may use."""
    assigned = [node.targets[0] for node in tree.body if isinstance(node, ast.Assign)]
    return [target.id for target in assigned if isinstance(target, ast.Name)]


def _class(tree: ast.Module, name: str) -> str:
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    bases = f"({', '.join(map(ast.unparse, found.bases))})" if found.bases else ""
    parameters = "[T]" if found.bases else ""
    init = f"""
    def __init__(self, source: {name}{parameters}, background: Background) -> None:
        self._source = source
        self._background = background
"""
    lines = [f"class {_blocking(name)}{bases}:", f'    """{_blocking(ast.get_docstring(found, clean=False) or "")}"""']
    return "\n".join([*lines, init, *_methods(found)])


def _methods(found: ast.ClassDef) -> Iterator[str]:
    for node in found.body:
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_") and node.name not in _INTERNAL:
            yield _method(node)


_INTERNAL = frozenset({"until"})


def _method(node: ast.AsyncFunctionDef) -> str:
    returned = ast.unparse(node.returns) if node.returns else "None"
    run = "iterate" if returned.startswith("AsyncGenerator") else "run"
    call = f"self._background.{run}(self._source.{node.name}({', '.join(_arguments(node.args))}))"
    body = call if returned == "None" else f"return {call}"
    docstring = _blocking(ast.get_docstring(node, clean=False) or "").replace("\\", "\\\\")
    signature = f"    def {node.name}({ast.unparse(node.args)}) -> {_blocking(returned)}:"
    return f'{signature}\n        """{docstring}"""\n        {body}\n'


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    yield from (argument.arg for argument in arguments.args if argument.arg != "self")
    yield from (f"{argument.arg}={argument.arg}" for argument in arguments.kwonlyargs)
    if arguments.kwarg:
        yield f"**{arguments.kwarg.arg}"


def _blocking(text: str) -> str:
    for old, new in _REPLACED.items():
        text = text.replace(old, new)
    return text


def _formatted(text: str) -> str:
    for command in (["check", "--fix-only", "--select", _RULES], ["format"]):
        ruff = [str(Path(sys.executable).parent / "ruff"), *command, "--quiet", "--stdin-filename", TARGET, "-"]
        text = subprocess.run(ruff, input=text, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return text
