"""Verbs that edit the fewest fields: weights, scale, swap, rollback, retry."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.arguments import assignments, count
from mlendpoints.cli.errors import UsageError
from mlendpoints.cli.options import verb
from mlendpoints.cli.session import Session
from mlendpoints.cli.waiting import TIMEOUT, DryRun, NoWait, SharedTemplates, Timeout, Waiting, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlendpoints.api.endpointconfig import EndpointConfig
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.endpoints import Changes
    from mlendpoints.client.plans import Preview

EndpointName = Annotated[str, typer.Argument(metavar="ENDPOINT", autocompletion=completion.endpoints)]
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="An endpoint, or mlmodel/NAME.", autocompletion=completion.targets),
]


def add(app: typer.Typer) -> None:
    """Adds the verbs."""
    verb(app, "weights", examples=("mlendpoints weights titanic blue=50 green=50",))(weights)
    verb(app, "scale", examples=("mlendpoints scale titanic blue=3", "mlendpoints scale mlmodel/titanic 3"))(scale)
    verb(
        app,
        "swap",
        examples=(
            "mlendpoints swap titanic green --model titanic-rfc",
            "mlendpoints swap titanic green --image registry.example.com/team/model:2",
        ),
    )(swap)
    verb(
        app,
        "rollback",
        examples=(
            "mlendpoints rollback titanic",
            "mlendpoints rollback titanic --to VERSION",
            "mlendpoints rollback titanic --dry-run",
        ),
    )(rollback)
    verb(app, "retry", examples=("mlendpoints retry titanic",))(retry)


def weights(
    session: Session,
    endpoint: EndpointName,
    weights: Annotated[list[str], typer.Argument(metavar="VARIANT=WEIGHT...", autocompletion=completion.assigned)],
    *,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
    dry_run: DryRun = False,
    shared: SharedTemplates = False,
) -> None:
    """Sets the shares of the traffic; variants that are not named keep theirs. No pod is touched."""
    wanted = assignments(weights)

    async def edit(client: "AsyncMLOpsClient") -> "Changes":
        from mlendpoints.client.edits import with_weights

        if dry_run:
            return await _try_config(client, endpoint, lambda config: with_weights(config, wanted))
        return await client.endpoint(endpoint).weights(wanted, wait=False, shared=shared)

    carry_out(session, edit, Waiting(wait=not no_wait, timeout=timeout, dry_run=dry_run))


def scale(
    session: Session,
    name: Name,
    pods: Annotated[str, typer.Argument(metavar="VARIANT=PODS", help="For an MLModel: PODS.")],
    *,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
    dry_run: DryRun = False,
    shared: SharedTemplates = False,
) -> None:
    """Sets the number of pods of a variant, or of an MLModel; 0 only for variants with weight 0."""
    endpoint, mlmodel = _target(name)
    wanted = {"": count(pods)} if mlmodel else assignments([pods])
    ((variant, number),) = wanted.items()

    async def edit(client: "AsyncMLOpsClient") -> "Changes":
        from mlendpoints.client.edits import with_variant

        if mlmodel:
            return await _edit_mlmodel(client, mlmodel, dry_run=dry_run, replicas=number)
        if dry_run:
            return await _try_config(client, endpoint, lambda config: with_variant(config, variant, instances=number))
        return await client.endpoint(endpoint).scale(variant, number, wait=False, shared=shared)

    carry_out(session, edit, Waiting(wait=not no_wait, timeout=timeout, dry_run=dry_run))


def swap(
    session: Session,
    name: Name,
    variant: Annotated[
        str, typer.Argument(metavar="[VARIANT]", help="Not of an MLModel.", autocompletion=completion.variants)
    ] = "",
    *,
    model: Annotated[str, typer.Option("--model", help="Another model, by its name.")] = "",
    image: Annotated[str, typer.Option("--image", help="The image of the variant's model.")] = "",
    artifact: Annotated[str, typer.Option("--artifact", help="The artifact of the variant's model.")] = "",
    digest: Annotated[str, typer.Option("--digest", help="The artifact's digest: sha256:...")] = "",
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
    dry_run: DryRun = False,
    shared: SharedTemplates = False,
) -> None:
    """Swaps what a variant or an MLModel runs. The old version serves until all pods of the new one are ready."""
    endpoint, mlmodel = _target(name)
    given = {"image": image, "artifact": artifact, "artifact_digest": digest}
    fields: dict[str, Any] = ({"artifact_digest": ""} if artifact else {}) | {
        key: value for key, value in given.items() if value
    }
    if bool(mlmodel) == bool(variant) or bool(model) == bool(fields) or (mlmodel and model):
        raise UsageError(
            "Name an endpoint's variant and pass --model, or --image or --artifact; or name mlmodel/NAME and pass"
            " --image or --artifact."
        )

    async def edit(client: "AsyncMLOpsClient") -> "Changes":
        from mlendpoints.client.edits import with_variant

        if mlmodel:
            return await _edit_mlmodel(client, mlmodel, dry_run=dry_run, **fields)
        if not dry_run:
            return await client.endpoint(endpoint).swap(variant, model=model, wait=False, shared=shared, **fields)
        if model:
            await client.V1Alpha1Model.get(model)
            return await _try_config(client, endpoint, lambda config: with_variant(config, variant, model=model))
        return await _try_model(client, endpoint, variant, **fields)

    carry_out(session, edit, Waiting(wait=not no_wait, timeout=timeout, dry_run=dry_run))


def rollback(
    session: Session,
    endpoint: EndpointName,
    *,
    to: Annotated[
        str,
        typer.Option("--to", metavar="VERSION", help="A kept version.", autocompletion=completion.versions),
    ] = "",
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, as `plan` does; change nothing.")] = False,
    shared: SharedTemplates = False,
) -> None:
    """Restores the config and the models of an earlier version: by default of the one that served before.

    The version has to be kept: spec.update.keepVersions of the endpoint.
    """
    if dry_run:
        _plan_rollback(session, endpoint, to)
        return

    async def edit(client: "AsyncMLOpsClient") -> "Changes":
        return await client.endpoint(endpoint).rollback(to, wait=False, shared=shared)

    carry_out(session, edit, Waiting(wait=not no_wait, timeout=timeout))


def _plan_rollback(session: Session, endpoint: str, to: str) -> None:
    from mlendpoints.cli.verbs.plan import show

    async def work(client: "AsyncMLOpsClient", _progress: "Progress") -> "Preview":
        return await client.preview(*await client.endpoint(endpoint).restored(to))

    show(session, [session.run(work, doing="Waiting for the API server")])


def retry(
    session: Session,
    endpoint: EndpointName,
    *,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
    dry_run: DryRun = False,
) -> None:
    """Retries a failed update as it was requested, by a new spec.update.attempt."""

    async def edit(client: "AsyncMLOpsClient") -> "Changes":
        from mlendpoints.client.edits import field_changes
        from mlendpoints.client.objects import changed, with_spec

        before = await client.V1Alpha1Endpoint.get(endpoint)
        attempt = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        policy = changed(before.spec.update, "spec.update", attempt=attempt)
        after = await client.V1Alpha1Endpoint.update(with_spec(before, update=policy), dry_run=dry_run)
        return field_changes(before, after)

    carry_out(session, edit, Waiting(wait=not no_wait, timeout=timeout, dry_run=dry_run))


def _target(text: str) -> tuple[str, str]:
    """The name of an endpoint and that of an MLModel, one of which is empty."""
    from mlendpoints.api.endpoint import Endpoint
    from mlendpoints.api.mlmodel import MLModel
    from mlendpoints.cli.kinds import split_name

    kind, name = split_name(text)
    if kind not in (None, Endpoint, MLModel):
        raise UsageError(f"Name an endpoint, or an MLModel as mlmodel/{name}.")
    return ("", name) if kind is MLModel else (name, "")


async def _edit_mlmodel(client: "AsyncMLOpsClient", name: str, *, dry_run: bool, **fields: Any) -> "Changes":  # noqa: ANN401 - of any type
    from mlendpoints.client.edits import field_changes
    from mlendpoints.client.objects import with_spec

    before = await client.V1Alpha1MLModel.get(name)
    return field_changes(before, await client.V1Alpha1MLModel.update(with_spec(before, **fields), dry_run=dry_run))


async def _try_config(
    client: "AsyncMLOpsClient", endpoint: str, edit: "Callable[[EndpointConfig], EndpointConfig]"
) -> "Changes":
    """What an edit of the endpoint's config would change, as the API server sees it."""
    from mlendpoints.client.edits import field_changes

    name = (await client.V1Alpha1Endpoint.get(endpoint)).spec.config
    before = await client.V1Alpha1EndpointConfig.get(name)
    return field_changes(before, await client.V1Alpha1EndpointConfig.update(edit(before), dry_run=True))


async def _try_model(client: "AsyncMLOpsClient", endpoint: str, variant: str, **fields: Any) -> "Changes":  # noqa: ANN401 - of any type
    """The same of the model of a variant."""
    from mlendpoints.client.edits import field_changes, variant_of
    from mlendpoints.client.objects import with_spec

    name = (await client.V1Alpha1Endpoint.get(endpoint)).spec.config
    model = variant_of(await client.V1Alpha1EndpointConfig.get(name), variant).model
    before = await client.V1Alpha1Model.get(model)
    return field_changes(before, await client.V1Alpha1Model.update(with_spec(before, **fields), dry_run=True))
