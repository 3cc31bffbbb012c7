"""Makes the reference of the command line from its own declarations."""

from collections.abc import Iterable, Iterator
from typing import Any

from typer.main import get_command

from mlendpoints.cli.errors import EXIT_CODES
from mlendpoints.cli.main import app
from mlendpoints.cli.options import shared_parameters

HEAD = """<!-- Made by `make generate` from src/mlendpoints/cli; do not edit. -->
# Command line

`mlendpoints VERB`, and the same as `kubectl mlendpoints VERB`: `pip install "mlendpoints[cli]"`. How to work with it:
[Work with endpoints from a shell](../how-to/command-line.md).

NAME is an endpoint, or an MLModel if there is no endpoint of that name; `endpoint/NAME`, `config/NAME`, `model/NAME`
and `mlmodel/NAME` say which. Tables are those of kubectl. Nothing is colored where it is piped, or with `NO_COLOR`.
Whatever takes more than a second shows progress on stderr: in a line of a terminal, or in a line for each change.
"""
FORMATS = "`json` and `yaml` write what the verb shows as data, `name` only names, `wide` further columns."


def make_cli_reference() -> str:
    """The whole page, in Markdown."""
    group: Any = get_command(app)
    shared = {parameter.name for parameter in shared_parameters()}
    everywhere = [param for param in group.params if param.name in shared]
    return "\n".join(
        [
            HEAD,
            "## Options of every verb\n\nBefore or after the verb.\n",
            *_table("option", everywhere),
            f"\n{FORMATS}\n",
            "## Exit codes\n\n| code | |\n|---|---|",
            *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
            *(line for name, command in _verbs(group) for line in _verb(name, command, shared)),
            "",
        ]
    )


def _verbs(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer's own
    """All verbs, also those in groups, such as ``capture tail``."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _verbs(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def _verb(name: str, command: Any, shared: set[str]) -> Iterator[str]:  # noqa: ANN401 - typer's own
    own = [param for param in command.params if param.name not in shared | {"help"}]
    arguments = [param for param in own if param.param_type_name == "argument"]
    options = [param for param in own if param.param_type_name == "option"]
    yield f"\n## {name}\n\n{command.help}\n"
    yield f"```\n{' '.join(['mlendpoints', name, *map(_shown, arguments)])}{' [OPTIONS]' if options else ''}\n```"
    described = [argument for argument in arguments if argument.help]
    if described:
        yield from ("", *_table("argument", described))
    if options:
        yield from ("", *_table("option", options))
    examples = [line.strip() for line in (command.epilog or "").splitlines()[1:] if line.strip()]
    if examples:
        yield "\n```console\n" + "\n".join(f"$ {example}" for example in examples) + "\n```"


def _table(head: str, params: Iterable[Any]) -> Iterator[str]:
    yield f"| {head} | |\n|---|---|"
    for param in params:
        text = (param.help or "").replace("|", "\\|")
        yield f"| `{_shown(param)}` | {text} |".replace("TEXT|@FILE|-", "TEXT\\|@FILE\\|-")


def _shown(param: Any) -> str:  # noqa: ANN401 - typer's own
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper())
    value = "" if param.is_flag else f" {param.metavar or param.name.rstrip('_').upper()}"
    names = [*sorted(param.opts, key=len, reverse=True), *param.secondary_opts]
    return f"{', '.join(names)}{value}"
