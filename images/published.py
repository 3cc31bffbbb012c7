"""A published program in Go, compiled from its modules, with packages of them replaced. It must not decide which.

    go.mod, go.sum          the program, as the module's only tool, and the versions and hashes of all modules
    replaced/MODULE/PACKAGE what is compiled instead of a package of a module, such as one that needs C
    NOTICE                  what is to be said of it

The result is a folder with the program, its license and the notice.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from images.catalogue import CACHE
from images.compiled import digest_of, go
from images.programs import run

REPLACED = "replaced"
NOT_LINKED = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}
LIGHT = ("-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", "-s -w")


def published(source: Path, platform: str) -> Path:
    """The folder for a platform, built once for each content of the source."""
    system, _, architecture = platform.partition("/")
    folder = CACHE / "images" / "programs" / f"{source.name}-{architecture}-{digest_of(source)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{source.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of the same tests ask at the same time
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                made = Path(scratch) / "made"
                made.mkdir()
                _build(source, Path(scratch) / "module", made, {"GOOS": system, "GOARCH": architecture})
                os.rename(made, folder)  # noqa: PTH104 - atomic, and says so
    return folder


def _build(source: Path, module: Path, made: Path, target: dict[str, str]) -> None:
    shutil.copytree(source, module)
    for path in _modules(module / REPLACED):
        _replace(module, path)
    environment = [f"{name}={value}" for name, value in (target | NOT_LINKED).items()]
    tool = run(go(), "list", "-f", "{{.ImportPath}}", "tool", cwd=source).strip()
    run("env", *environment, go(), "build", *LIGHT, "-o", made / source.name, tool, cwd=module)
    shutil.copyfile(source / "NOTICE", made / "NOTICE")
    shutil.copyfile(next(_source_of(tool, source).glob("LICENSE*")), made / "LICENSE")


def _modules(replaced: Path) -> Iterator[Path]:
    """Paths of modules: owner and name on a host."""
    return (path.relative_to(replaced) for path in sorted(replaced.glob("*/*/*")))


def _replace(module: Path, path: Path) -> None:
    """Go.mod names a copy of the module in which the replaced packages are ours."""
    copy, ours = module / "copies" / path, module / REPLACED / path
    shutil.copytree(_source_of(str(path), module), copy)
    run("chmod", "-R", "u+w", copy)
    for package in ours.iterdir():
        shutil.rmtree(copy / package.name)
        shutil.copytree(package, copy / package.name)
    run(go(), "mod", "edit", f"-replace={path}={copy}", cwd=module)


def _source_of(module: str, folder: Path) -> Path:
    """Where Go has unpacked a module, after a check of its hash."""
    return Path(json.loads(run(go(), "mod", "download", "-json", module, cwd=folder))["Dir"])
