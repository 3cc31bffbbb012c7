"""The verb metrics: what the pods of an endpoint or MLModel have counted."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.measuring import Row
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.counting import Counts
    from mlendpoints.core.world import PodFacts

_AT_ONCE = 8  # pods


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(app, "metrics", examples=("mlendpoints metrics titanic", "mlendpoints metrics titanic --over 10 -o json"))(
        metrics
    )


def metrics(
    session: Session,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An endpoint, else an MLModel; or KIND/NAME.", autocompletion=completion.targets
        ),
    ],
    *,
    over: Annotated[
        float,
        typer.Option(
            "--over", metavar="SECONDS", help="Measure for so long; by default, since the pods started.", min=0
        ),
    ] = 0.0,
) -> None:
    """Shows requests, errors, latencies, CPU and memory by variant and version, as the pods have counted them.

    Errors are responses with a status of 500 or more; latencies include the proxy's. CPU and memory of the model are
    known where pods have Fluent Bit, CPU with --over only. Needs the right to get pods/proxy; pods that cannot be read
    are named.
    """

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> "tuple[list[Row], list[str]]":
        return await _measure(client, progress, target, over)

    rows, problems = session.run(work, doing="Reading the metrics of the pods")
    for problem in problems:
        typer.echo(f"Error: {problem}", err=True)
    if session.output in ("json", "yaml"):
        import msgspec

        write(document(msgspec.to_builtins(rows), session.output))
        return
    from mlendpoints.cli.columns import aligned
    from mlendpoints.cli.measuring import HEADER, cells

    write(aligned([HEADER, *map(cells, rows)]))


async def _measure(
    client: "AsyncMLOpsClient", progress: "Progress", target: str, over: float
) -> "tuple[list[Row], list[str]]":
    """A row for each version with pods, and what is wrong with pods that cannot be read."""
    import asyncio
    import time

    from mlendpoints.cli.measuring import make_row
    from mlendpoints.client.counting import since, total
    from mlendpoints.client.errors import NotFoundError

    pods, places = await _pods(client, target)
    if not pods:
        raise NotFoundError(f"{target} has no running pods. `mlendpoints status {target}` shows what exists.")
    began = time.monotonic()
    first, problems = await _read(client, pods)
    if over:
        progress.tell(f"Measuring for {over:g} s")
        await asyncio.sleep(over)
        last, problems = await _read(client, pods)
        first = {name: since(first[name], counts) for name, counts in last.items() if name in first}
    seconds = time.monotonic() - began if over else 0.0
    groups: dict[tuple[str, str], list[Counts]] = {}
    for pod in pods:
        if pod.name in first:
            groups.setdefault(places.get(pod.instance, ("", pod.version)), []).append(first[pod.name])
    if not groups:
        raise NotFoundError(problems[0])
    return [make_row(*place, total(counts), seconds) for place, counts in sorted(groups.items())], problems


async def _pods(client: "AsyncMLOpsClient", target: str) -> "tuple[list[PodFacts], dict[str, tuple[str, str]]]":
    """The running pods, and variant and version by instance."""
    from mlendpoints.api import labels
    from mlendpoints.api.endpoint import Endpoint
    from mlendpoints.api.mlmodel import MLModel
    from mlendpoints.cli.errors import UsageError
    from mlendpoints.cli.finding import find

    root = await find(client, target)
    if not isinstance(root, Endpoint | MLModel):
        raise UsageError("Configs and models have no pods of their own: name an endpoint or an MLModel.")
    selector = f"{labels.MLMODEL if isinstance(root, MLModel) else labels.ENDPOINT}={root.metadata.name}"
    found = await client.cluster.pods(selector)
    pods = [pod for pod in found if pod.address and not pod.has_ended]
    if isinstance(root, MLModel):
        return pods, {}
    instances = await client.V1Alpha1Model.list(labels=selector, instances=True)
    frozen = ((model.metadata.name, model.spec.instance) for model in instances)
    return pods, {name: (instance.variant, instance.version) for name, instance in frozen if instance is not None}


async def _read(client: "AsyncMLOpsClient", pods: "list[PodFacts]") -> "tuple[dict[str, Counts], list[str]]":
    import asyncio

    from mlendpoints.cli.errors import sentence
    from mlendpoints.client.counting import parse_counts
    from mlendpoints.client.errors import ClientError
    from mlendpoints.core.world import Ref

    counts: dict[str, Counts] = {}
    problems: list[str] = []
    turns = asyncio.Semaphore(_AT_ONCE)

    async def read(pod: "PodFacts") -> None:
        try:
            async with turns:
                found = parse_counts(await client.live.metrics(Ref("Pod", client.namespace, pod.name)))
        except ClientError as error:
            problems.append(sentence(error))
            return
        if found is None:
            problems.append(f"Pod {pod.name} has no metrics of requests.")
        else:
            counts[pod.name] = found

    await asyncio.gather(*map(read, pods))
    return counts, sorted(problems)
