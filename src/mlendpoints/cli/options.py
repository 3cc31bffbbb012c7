"""The options of every verb, which are taken before and after its name; how a verb is declared."""

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, get_type_hints

import typer

from mlendpoints.cli import errors
from mlendpoints.cli.session import Session, Shared

Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace; by default that of the context.")]
Context = Annotated[str, typer.Option("--context", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[str, typer.Option("--kubeconfig", help="Kubeconfig; by default as kubectl finds it.")]
Output = Annotated[
    Literal["", "json", "yaml", "name", "wide"],
    typer.Option("--output", "-o", help="json, yaml, name or wide.", show_choices=False, metavar="FORMAT"),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

_SHARED: dict[str, tuple[Any, Any]] = {
    "namespace": (Namespace, ""),
    "context": (Context, ""),
    "kubeconfig": (Kubeconfig, ""),
    "output": (Output, ""),
    "debug": (Debug, False),
}


def verb(app: typer.Typer, name: str, *, examples: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Declares a verb: ``run(session, ...)`` with its own arguments gets those of every verb besides."""

    def declare(run: Callable[..., None]) -> Callable[..., None]:
        def call(typer_context: typer.Context, **arguments: Any) -> None:  # noqa: ANN401 - typer's
            own = {key: arguments.pop(key) for key in list(arguments) if key not in _SHARED}
            shared = merged(typer_context.obj or {}, arguments)
            with reporting(debug=shared.debug):
                run(Session(shared), **own)

        parameters = [*list(inspect.signature(run).parameters.values())[1:], *shared_parameters()]
        call.__signature__ = inspect.Signature([_CONTEXT, *parameters])  # type: ignore[attr-defined]
        hints = get_type_hints(run, include_extras=True)
        call.__annotations__ = {p.name: hints.get(p.name, p.annotation) for p in (_CONTEXT, *parameters)}
        call.__doc__ = run.__doc__
        epilog = "Examples:\n\n" + "\n\n".join(f"  {example}" for example in examples) if examples else None
        app.command(name, epilog=epilog, no_args_is_help=False)(call)
        return run

    return declare


_CONTEXT = inspect.Parameter("typer_context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)


def shared_parameters() -> Iterator[inspect.Parameter]:
    """The options of every verb, as parameters of a function."""
    for name, (annotation, default) in _SHARED.items():
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def merged(before: dict[str, Any], after: dict[str, Any]) -> Shared:
    """Options given before the verb, and those given after it, which win."""
    return Shared(**{**before, **{name: value for name, value in after.items() if value}})


def given(context: typer.Context) -> Shared:
    """The options of a command line that is being completed."""
    found: dict[str, Any] = {}
    known: Any = context
    while known is not None:  # the command, its group, the program
        found = {name: known.params[name] for name in _SHARED if known.params.get(name)} | found
        known = known.parent
    return merged({}, found)


@contextmanager
def reporting(*, debug: bool) -> Iterator[None]:
    """Ends the program with the sentence and exit code of an error; with ``debug``, after its traceback."""
    try:
        yield
        sys.stdout.flush()
    except typer.Exit:  # a verb's own exit code
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered goes nowhere
        raise SystemExit(errors.PIPE_CLOSED) from None
    except KeyboardInterrupt as error:
        _report(errors.interruption(error), debug=debug, prefix="")
        raise SystemExit(errors.INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001 - the last place before the user
        if not is_known(error):
            _report(f"Unexpected {type(error).__name__}: {errors.sentence(error)}. --debug shows where.", debug=debug)
            raise SystemExit(errors.FAILED) from None
        _report(errors.sentence(error), debug=debug)
        raise SystemExit(errors.exit_code(error)) from None


def is_known(error: Exception) -> bool:
    """Whether the error says what to do: it is of this package or of the client."""
    if isinstance(error, errors.UsageError):
        return True
    from mlendpoints.client.errors import ClientError

    return isinstance(error, ClientError)


def _report(text: str, *, debug: bool, prefix: str = "Error: ") -> None:
    if debug:
        import traceback

        traceback.print_exc()
    sys.stderr.write(f"{prefix}{text}\n")
