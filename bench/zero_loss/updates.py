"""The kinds of update: what a user does, and what disturbs the operator and the gateways meanwhile.

Each begins and ends with all as asked; a round of ``ROUND`` ends where it began.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from bench.zero_loss.fleet import replace_one_pod
from bench.zero_loss.objects import Variant
from bench.zero_loss.sight import Moment, condition_of
from bench.zero_loss.stage import BASE, CONFIG, OTHER, Stage
from tests.kit.images import image

DEADLINE = 15  # seconds, of updates that must fail
_MOMENTS = random.Random(0)  # noqa: S311 - moments, no secrets
_WITHIN = 3.0  # seconds; about as long as an update takes

Act = Callable[[Stage], Awaitable[None]]


class Kind(Struct, frozen=True):
    """``act`` makes the edits.

    ``is_disturbed``: its times tell nothing of an update's own. ``needs_drain``:
    pods leave a Service that stays, which gateways hear of only once the pods
    have been told to stop, so without preStop some requests must meet them.
    """

    name: str
    act: Act
    is_disturbed: bool = False
    fails: bool = False
    needs_drain: bool = False


def variants(name: str, changed: Mapping[str, Variant], *, needs_drain: bool = False) -> Kind:
    """Replaces lines of the config."""
    return Kind(name, lambda stage: stage.set_variants(**changed), needs_drain=needs_drain)


def config(name: str, to: str) -> Kind:
    """Names another config."""

    async def act(stage: Stage) -> None:
        await stage.set_endpoint(config=to)

    return Kind(name, act)


async def edit(stage: Stage) -> None:
    """A new version of a model."""
    await stage.set_next_model("forest")


async def burst(stage: Stage) -> None:
    """Five versions, one after another."""
    for _ in range(5):
        await stage.set_next_model("forest")
        await asyncio.sleep(0.2)


async def supersede(stage: Stage) -> None:
    """A newer version while one is on its way."""
    await stage.set_next_model("forest")
    await stage.until_begun()
    await stage.set_next_model("forest")


async def edit_back(stage: Stage) -> None:
    """What serves is asked again while something else is on its way."""
    before = stage.asked.answers["forest"]
    await stage.set_next_model("forest")
    await stage.until_begun()
    await stage.set_model("forest", answer=before)


def failing(name: str, **broken: object) -> Kind:
    """A version that never gets ready; once that is told, what serves is asked again."""

    async def act(stage: Stage) -> None:
        await stage.set_endpoint(config=stage.asked.config, deadline=DEADLINE)
        await stage.set_model("forest", broken=broken)
        await stage.until_failed()
        await stage.set_model("forest")
        await stage.set_endpoint(config=stage.asked.config)

    return Kind(name, act, is_disturbed=True, fails=True)


async def kill_twice(stage: Stage) -> None:
    """The operator is killed twice while a new version is on its way."""
    await stage.set_next_model("forest")
    for _ in range(2):
        await asyncio.sleep(_MOMENTS.uniform(0, _WITHIN))
        await stage.operator.kill()
        await stage.operator.start()


async def replace_gateway(stage: Stage) -> None:
    """A gateway pod is deleted while a new version is on its way."""
    await stage.set_next_model("forest")
    await asyncio.sleep(_MOMENTS.uniform(0, _WITHIN))
    await replace_one_pod(stage.client, stage.gateway)


SPARE = Variant("spare", 20)
NEVER_READY = [{"name": "ANSWER", "value": "never"}, {"name": "PING", "value": "500"}]
WEIGHTS = (
    variants("weights only", {"blue": Variant("forest", 0), "green": Variant("logistic", 100)}),
    variants("weights only", {"blue": Variant("forest", 100), "green": Variant("logistic", 0)}),
    variants("weights only", BASE),
)
INSTANCES = (
    variants("instances up", {"blue": Variant("forest", 90, 3)}, needs_drain=True),
    variants("instances down", BASE, needs_drain=True),
)
SWAP = (variants("swap", {"blue": Variant("spare", 90)}), variants("swap", BASE))
KILLS = Kind("operator killed twice", kill_twice, is_disturbed=True)
GATEWAY = Kind("gateway pod replaced", replace_gateway, is_disturbed=True)
FAILURES = (
    failing("image that is not there", image=image("absent")),
    failing("crash loop", command=["python3", "-c", "raise SystemExit(3)"]),
    failing("never ready", env=NEVER_READY),
)


async def add(stage: Stage) -> None:
    """One line more."""
    await stage.set_variants(red=SPARE)


async def remove(stage: Stage) -> None:
    """One line less."""
    await stage.set_config(CONFIG, BASE)


RENEWAL = Kind("all models anew", Stage.renew)  # begins a round with another setting

ROUND = (
    *WEIGHTS,
    *INSTANCES,
    *SWAP,
    Kind("add a model", add),
    Kind("remove a model", remove),
    config("another config", OTHER),
    config("another config", CONFIG),
    *[Kind("edit of a model", edit)] * 3,
    Kind("burst of edits", burst),
    Kind("superseded", supersede),
    Kind("edited back", edit_back),
    *FAILURES,
    *[KILLS] * 3,
    GATEWAY,
)


class Update(Struct, frozen=True, kw_only=True):
    """One update as it was seen; seconds of the monotonic clock, None: it was not seen."""

    kind: str
    drain: int
    is_disturbed: bool
    begun: float  # before the first edit
    edited: float  # before the last edit
    settled: float
    allowed: frozenset[str]  # answers once it is done
    done: float | None  # the status calls it done
    ready: float | None  # the last new pod that it needed
    gone: float | None  # the last old pod
    failed: float | None = None  # seconds from the edit until the failure was told


async def perform(stage: Stage, kind: Kind) -> Update:
    """Does it and waits until all is as asked and tidy."""
    begun, first = time.monotonic(), len(stage.edits)
    await kind.act(stage)
    await stage.until_settled()
    edits = stage.edits[first:]
    done = done_at(stage, edits[-1])
    pods = [pod for pod in stage.sight.pods.values() if pod.seen > begun and pod.ready and not pod.gone]
    gone = [pod.gone for pod in stage.sight.pods.values() if pod.gone > begun]
    return Update(
        kind=kind.name,
        drain=stage.operator.drain,
        is_disturbed=kind.is_disturbed,
        begun=begun,
        edited=edits[-1],
        settled=time.monotonic(),
        allowed=stage.asked.allowed,
        done=done,
        ready=max((pod.ready for pod in pods), default=None),
        gone=max(gone, default=None),
        failed=failed_after(stage, edits[1]) if kind.fails else None,
    )


def done_at(stage: Stage, edited: float) -> float | None:
    """When the status first called the version that is in force now done, after the edit."""
    version = stage.status_now.status.target_version
    told = (m for m in stage.sight.moments if m.at > edited and m.status.config_version == version)
    done = (m for m in told if m.status.update is None or m.status.update.target == version)
    return next((m.at for m in done if _is_programmed(m)), None)


def _is_programmed(moment: Moment) -> bool:
    return condition_of(moment.status.conditions, "RoutesProgrammed") == "True"


def failed_after(stage: Stage, edited: float) -> float | None:
    """Seconds from the edit until the status told of the failure."""
    later = (m for m in stage.sight.moments if m.at > edited)
    told = (m.at for m in later if condition_of(m.status.conditions, "UpdateSucceeded") == "False")
    return next((at - edited for at in told), None)
