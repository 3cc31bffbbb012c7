"""The app, and what starts it."""

import os
import sys
from typing import Annotated

import typer

from mlendpoints.cli import errors
from mlendpoints.cli.options import Context, Debug, Kubeconfig, Namespace, Output
from mlendpoints.cli.verbs import (
    about,
    capture,
    dashboard,
    deploy,
    doctor,
    edit,
    install,
    invoke,
    logs,
    metrics,
    plan,
    read,
    replay,
    watch,
)

_COMPLETE = "_MLENDPOINTS_COMPLETE"  # what the scripts of ``completion`` set

app = typer.Typer(
    name="mlendpoints",
    help="SageMaker-like machine-learning endpoints on Kubernetes.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's
    if value:
        from importlib.metadata import version

        typer.echo(f"mlendpoints {version('mlendpoints')}")
        raise typer.Exit


@app.callback()
def root(
    typer_context: typer.Context,
    *,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    output: Output = "",
    debug: Debug = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version of this program.")
    ] = False,
) -> None:
    """Options that may also follow the verb."""
    assert not version  # noqa: S101 - its callback has ended the program
    given = {"namespace": namespace, "context": context, "kubeconfig": kubeconfig, "output": output, "debug": debug}
    typer_context.obj = {name: value for name, value in given.items() if value}


for group in (
    read,
    watch,
    plan,
    deploy,
    invoke,
    edit,
    logs,
    metrics,
    capture,
    replay,
    dashboard,
    doctor,
    install,
    about,
):
    group.add(app)


def run() -> int:
    """Runs the command line of this process; the exit code, where no error has ended it."""
    if _COMPLETE in os.environ:
        from typer._completion_classes import completion_init  # typer has no public name for it

        completion_init()
    try:
        app(prog_name=_name(sys.argv[0]), complete_var=_COMPLETE)
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    return errors.AS_REQUESTED


def _name(program: str) -> str:
    return "kubectl mlendpoints" if program.endswith("kubectl-mlendpoints") else "mlendpoints"
