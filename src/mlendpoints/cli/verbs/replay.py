"""The verb replay: captured requests to a candidate, by a Job that is followed to its end."""

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.errors import UsageError
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write, yaml_documents
from mlendpoints.cli.session import Session
from mlendpoints.cli.waiting import NoWait, Timeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlendpoints.api.endpoint import Endpoint
    from mlendpoints.cli.progress import Progress
    from mlendpoints.cli.replaying import Replay
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.core.canonical import Manifest
    from mlendpoints.core.world import PodFacts

TIMEOUT = 3600.0  # seconds
GATEWAY = "istio-ingress/istio-ingressgateway"
_CONTAINER = "replay"
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_PAUSE = 0.5  # seconds between two looks
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # as Kubernetes' generated names

Of = Annotated[str, typer.Option("--of", help="The variant that was captured.", autocompletion=completion.variants)]
Part = Annotated[str, typer.Option("--part", help="Which part of its records, such as 2026/11/26/10 for an hour.")]
Source = Annotated[
    list[str] | None, typer.Option("--source", metavar="URL", help="Other records, in place of those of --of.")
]
Secret = Annotated[
    str, typer.Option("--secret", help="Credentials to read them; by default the sinkSecret of the capture.")
]
Image = Annotated[str, typer.Option("--image", help="The image replay; by default beside the operator's other images.")]


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(
        app,
        "replay",
        examples=(
            "mlendpoints replay titanic --of blue --variant green --part 2026/11/26 --secret capture-reader",
            "mlendpoints replay titanic --variant green --source s3://captured/titanic/blue/ --min-match 0.9",
            "mlendpoints replay titanic --variant green --of blue --dry-run > job.yaml",
        ),
    )(replay)


def replay(
    session: Session,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", autocompletion=completion.endpoints)],
    *,
    variant: Annotated[
        str, typer.Option("--variant", help="The candidate that responds.", autocompletion=completion.variants)
    ] = "",
    of: Of = "",
    part: Part = "",
    source: Source = None,
    secret: Secret = "",
    speed: Annotated[str, typer.Option("--speed", help="1 is as recorded, 2 twice as fast, max without pauses.")] = "",
    rate: Annotated[float | None, typer.Option("--rate", help="Requests per second, instead of --speed.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Requests at most.", min=1)] = None,
    min_match: Annotated[
        float | None, typer.Option("--min-match", help="Share of responses that have to match.", min=0, max=1)
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="PATH", help="Not compared, such as $[*].probability.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Any other option of replay, such as --tolerance=0.01.")
    ] = None,
    gateway: Annotated[
        str, typer.Option("--gateway", help="Where requests go: the gateway's Service, NAMESPACE/NAME, or a URL.")
    ] = GATEWAY,
    image: Image = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the Job as YAML; change nothing.")] = False,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Sends captured requests to a candidate by a Job, and prints its report: which responses match, and how fast.

    Ends with 1 if fewer than --min-match of the responses match, or if there is no result. The Job has the rights of
    the namespace's default ServiceAccount, and is deleted after a week.
    """
    _check_options(option or ())
    rest = {"speed": speed, "rate": rate, "limit": limit, "min-match": min_match}

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        job = await _make(
            client,
            endpoint,
            of=of,
            part=part,
            sources=source or (),
            secret=secret,
            image=image,
            gateway=gateway,
            variant=variant,
            rest=rest,
            ignored=ignore or (),
            more=option or (),
        )
        if dry_run:
            progress.end()
            write(document(job, "json") if session.output == "json" else yaml_documents([job]))
            return
        name = job["metadata"]["name"]
        await client.jobs.create(job)
        typer.echo(f"Job {client.namespace}/{name} created", err=True)
        if not no_wait:
            await _followed(client, progress, name, timeout=timeout)

    session.run(work, doing="Waiting for the API server")


def _check_options(options: "Sequence[str]") -> None:
    for each in options:
        if not each.startswith("--"):
            raise UsageError(f"Write an option as --option=--NAME=VALUE, instead of {each}.")


async def _make(client: "AsyncMLOpsClient", name: str, **how: Any) -> "Manifest":  # noqa: ANN401 - the verb's options
    """The Job for these options."""
    from msgspec.structs import replace

    from mlendpoints.cli import replaying

    endpoint, found = await records_of(client, name, **{key: how[key] for key in RECORDS})
    options = replaying.make_options(
        target=replaying.target_of(endpoint, how["gateway"]),
        host=replaying.host_of(endpoint),
        variant=how["variant"],
        rest=how["rest"],
        ignored=how["ignored"],
    )
    job = replaying.job_name("replay", name, how["variant"], random_suffix())
    return replaying.make_job(replace(found, name=job, options=(*options, *how["more"])))


RECORDS = ("of", "part", "sources", "secret", "image")


async def records_of(client: "AsyncMLOpsClient", name: str, **how: Any) -> "tuple[Endpoint, Replay]":  # noqa: ANN401 - ``RECORDS``
    """An endpoint, and where its captured records are: a replay of them without a name and without options."""
    import asyncio

    from mlendpoints.api import labels
    from mlendpoints.cli import replaying

    endpoint = await client.V1Alpha1Endpoint.get(name)
    config, instances = await asyncio.gather(
        client.V1Alpha1EndpointConfig.get(endpoint.spec.config),
        client.V1Alpha1Model.list(labels=f"{labels.ENDPOINT}={name}", instances=True),
    )
    sources, secret = tuple(how["sources"]), how["secret"]
    if not sources:
        variant, capture = replaying.captured_of(endpoint, config, how["of"])
        sources = (replaying.source_of(endpoint, variant, capture, how["part"]),)
        secret = secret or capture.sink_secret
    image = how["image"] or replaying.image_of(instances)
    if not image:
        raise UsageError("The image replay is not known: name it by --image (docs/how-to/replay.md).")
    found = replaying.Replay(
        name="", namespace=client.namespace, image=image, sources=sources, secret=secret, options=()
    )
    return endpoint, found


def random_suffix() -> str:
    """As Kubernetes generates names."""
    import secrets

    return "".join(secrets.choice(_LETTERS) for _ in range(5))


async def _followed(client: "AsyncMLOpsClient", progress: "Progress", name: str, *, timeout: float) -> None:
    """Prints the log of the Job's pod until the Job has ended; raises ``FailedError`` if it has failed."""
    import asyncio

    from mlendpoints.client.errors import FailedError, WaitTimeoutError

    where = f"`kubectl --namespace {client.namespace} logs --follow job/{name}`"
    try:
        async with asyncio.timeout(timeout):
            pod = await started(client, progress, name)
            if pod:
                progress.end()
                await _print_log(client, pod)
            state, message = await _ended(client, progress, name)
    except TimeoutError:
        raise WaitTimeoutError(f"Timed out after {timeout:g} s. The replay continues: {where}.", goal="end") from None
    except asyncio.CancelledError as error:
        raise asyncio.CancelledError(
            str(error) or f"Stopped waiting. The replay continues: {where}; `kubectl delete job {name}` stops it."
        ) from None
    if state == "Failed":
        raise FailedError(await _reason(client, name, message))


async def started(client: "AsyncMLOpsClient", progress: "Progress", name: str) -> str:
    """The Job's pod whose container runs or has run; empty if the Job has ended without one."""
    import asyncio

    from mlendpoints.client.errors import FailedError

    while True:
        for pod in await client.cluster.pods(f"job-name={name}"):
            containers = [each for each in pod.containers if each.name == _CONTAINER]
            if any(each.ready or each.exit_code is not None for each in containers) or pod.has_ended:
                return pod.name
            if any(each.waiting_reason in _NO_IMAGE for each in containers):
                raise FailedError(
                    f"The image of Job {client.namespace}/{name} cannot be pulled. Build and push it"
                    " (docs/how-to/replay.md), or name another one by --image; delete the Job."
                )
            progress.tell(_waits_for(pod))
        if (await client.jobs.state(name))[0] != "Running":
            return ""
        await asyncio.sleep(_PAUSE)


def _waits_for(pod: "PodFacts") -> str:
    waiting = next((each.waiting_reason for each in pod.containers if each.waiting_reason), "")
    return pod.unschedulable or f"Pod {pod.name} starts{f': {waiting}' if waiting else ''}"


async def _print_log(client: "AsyncMLOpsClient", pod: str) -> None:
    lines = client.cluster.log(pod, container=_CONTAINER, follow=True)
    async with aclosing(lines):
        async for line in lines:
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()


async def _ended(
    client: "AsyncMLOpsClient", progress: "Progress", name: str
) -> "tuple[Literal['Complete', 'Failed'], str]":
    import asyncio

    while True:
        state, message = await client.jobs.state(name)
        if state != "Running":
            return state, message
        progress.tell(f"Waiting until Job {name} has ended")
        await asyncio.sleep(_PAUSE)


async def _reason(client: "AsyncMLOpsClient", name: str, message: str) -> str:
    """Why a Job has failed, by the exit code of its program."""
    codes = [
        container.exit_code
        for pod in await client.cluster.pods(f"job-name={name}")
        for container in pod.containers
        if container.name == _CONTAINER
    ]
    if 1 in codes:
        return "Fewer responses match than required. The report shows where they differ."
    return f"The replay has no result{f': {message}' if message and not codes else ''}. See its log above."
