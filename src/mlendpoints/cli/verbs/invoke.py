"""The verb invoke: one request through the gateway."""

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.bodies import body, content_type
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.payloads import Answer

TIMEOUT = 65.0  # seconds: pods end a request after 60


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(
        app,
        "invoke",
        examples=(
            """mlendpoints invoke titanic -d '{"class": "1st", "sex": "female", "age": "adult"}'""",
            "mlendpoints invoke titanic -d @rows.csv --variant green",
            "cat rows.json | mlendpoints invoke titanic -d -",
        ),
    )(invoke)


def invoke(
    session: Session,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", autocompletion=completion.endpoints)],
    *,
    data: Annotated[str, typer.Option("--data", "-d", metavar="TEXT|@FILE|-", help="The body; - is stdin.")],
    variant: Annotated[str, typer.Option("--variant", help="Only this one.", autocompletion=completion.variants)] = "",
    type_: Annotated[
        str, typer.Option("--content-type", help="Of the body; by default by the file's suffix, else JSON or CSV.")
    ] = "",
    accept: Annotated[str, typer.Option("--accept", help="The type of the response that is requested.")] = "",
    stream: Annotated[bool, typer.Option("--stream", help="Write the response's pieces as they come.")] = False,
    gateway: Annotated[
        str,
        typer.Option(
            "--gateway", envvar="MLENDPOINTS_GATEWAY", help="The gateway's address, or its Service: NAMESPACE/NAME."
        ),
    ] = "",
    port_forward: Annotated[
        bool | None,
        typer.Option(
            "--port-forward/--no-port-forward",
            help="Always or never forward a port to the gateway; by default if nothing else reaches it.",
        ),
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for a response.", min=0)] = TIMEOUT,
) -> None:
    """Requests a prediction through the gateway and writes the response. No request is repeated."""
    session.gateway, session.port_forward = gateway, port_forward
    sent, sent_type = body(data), type_ or content_type(data)
    if stream:
        _stream(session, endpoint, sent, variant=variant, content_type=sent_type, accept=accept, timeout=timeout)
        return
    answer = session.run(
        lambda client, _: client.endpoint(endpoint).invoke(
            sent, variant=variant, content_type=sent_type, accept=accept, timeout=timeout
        ),
        doing=f"Waiting for the response of {endpoint}",
    )
    if session.output in ("json", "yaml"):
        write(document(_document(answer), session.output))
        return
    _write_bytes(answer.content)
    if sys.stdout.isatty():
        write([] if answer.content.endswith(b"\n") else [""])
        typer.echo(f"(by variant {answer.variant})", err=True)


def _stream(session: Session, endpoint: str, sent: object, **how: Any) -> None:  # noqa: ANN401 - options of the client
    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        pieces = client.endpoint(endpoint).stream(sent, **how)
        async with aclosing(pieces):
            async for piece in pieces:
                progress.end()
                _write_bytes(piece)

    session.run(work, doing=f"Waiting for the response of {endpoint}")


def _document(answer: "Answer") -> dict[str, object]:
    data = answer.data
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    return {"variant": answer.variant, "contentType": answer.content_type, "data": text}


def _write_bytes(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
