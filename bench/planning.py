"""``python -m bench.planning``: what it costs to plan endpoints at which there is nothing to do.

Endpoints become ready on a control plane of its own, as in ``python -m bench``.
Then an engine that may not write plans each of them in this process: for the
first time, as after a restart, and then again and again. Beside it, the same
endpoints' manifests are rendered and hashed once, without a comparison. The
three take turns, so that their ratios are of one machine at one time.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.objects import create_endpoints, create_namespace, create_templates, endpoint_names
from bench.readiness import all_ready
from bench.run import surroundings
from mlendpoints.core.drift import manifest_hash
from mlendpoints.core.endpoint.desired import desired
from mlendpoints.core.endpoint.plan import make_view
from mlendpoints.core.endpoint.rollout import decide
from mlendpoints.core.plan import Plan
from mlendpoints.core.world import Ref, World
from mlendpoints.edge.engine import Engine, Process
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import ENDPOINT
from mlendpoints.edge.settings import Settings, read_settings
from tests.kit.client import connected
from tests.kit.control_plane import control_plane, install
from tests.kit.fake_gateway import NAME as GATEWAY
from tests.kit.operator_process import make_environment, operator
from tests.kit.running_operator import PLANS
from tests.kit.waiting import poll_until

NAMESPACE = "planning"
AIM = 0.5  # ms, of a plan that is not the first


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.planning", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=50, help="how many are planned (50)")
    parser.add_argument("--rounds", type=int, default=20, help="how often each (20)")
    options = parser.parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with control_plane("--istio-crds") as kubeconfig:
        asyncio.run(install(kubeconfig))
        asyncio.run(measure(kubeconfig, options))
    return 0


async def measure(kubeconfig: Path, options: argparse.Namespace) -> None:
    """Creates the endpoints, stops their operator, and plans them."""
    names = endpoint_names(options.endpoints)
    keys = [Ref(ENDPOINT.name, NAMESPACE, name) for name in names]
    async with connected(kubeconfig) as client:
        await create_namespace(client, NAMESPACE)
        await create_templates(client, NAMESPACE)
        async with surroundings(client, NAMESPACE):
            async with operator(kubeconfig, NAMESPACE):
                await create_endpoints(client, NAMESPACE, names)
                await all_ready(client, ENDPOINT.path(NAMESPACE), names)
                async with _engine(kubeconfig) as engine:
                    await engine.synced()
                    await poll_until(lambda: _settled(engine, keys), "no plan has anything to do", timeout=60)
            async with _engine(kubeconfig) as engine:
                await engine.synced()
                _print(engine, keys, options.rounds)


def _engine(kubeconfig: Path) -> Engine:
    os.environ["KUBECONFIG"] = str(kubeconfig)
    settings = _settings()
    api = Api.connect(impersonate=settings.impersonate)
    return Engine(api=api, settings=settings, plans=PLANS, process=Process(identity="bench"))


def _settings() -> Settings:
    return read_settings(make_environment([NAMESPACE], gateway=f"{NAMESPACE}/{GATEWAY}"))


async def _settled(engine: Engine, keys: list[Ref]) -> bool:
    plans = [engine.plan(key) for key in keys]
    return all(isinstance(plan, Plan) and not (plan.writes or plan.prune or plan.status) for plan in plans)


def _print(engine: Engine, keys: list[Ref], rounds: int) -> None:
    worlds = _worlds(engine, keys)
    first = _each(lambda: [engine.plan(key) for key in keys], keys)
    times = [
        (
            _each(lambda: [engine.plan(key) for key in keys], keys),
            _each(lambda: _worlds(engine, keys), keys),
            _each(lambda: [_hashes(world) for world in worlds], keys),
        )
        for _ in range(rounds)
    ]
    again, observed, hashed = (statistics.median(column) for column in zip(*times, strict=True))
    verdict = "met" if again <= AIM else "missed"
    print(f"first plan of each endpoint, ms of the processor   {first:.2f}")
    print(f"further plans                                      {again:.2f}  aim <= {AIM} {verdict}")
    print(f"  of which reading the cache                       {observed:.2f}")
    print(f"rendering and hashing its manifests                {hashed:.2f}")
    print(f"a further plan / rendering and hashing             {again / hashed:.2f}")


def _worlds(engine: Engine, keys: list[Ref]) -> list[World]:
    now, settings = time.time(), _settings().core
    return [world for key in keys if (world := engine.cache.world(key, now=now, settings=settings))]


def _each(work: Callable[[], object], keys: list[Ref]) -> float:
    """Milliseconds of the processor for each key."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000 / len(keys)


def _hashes(world: World) -> list[str]:
    return list(_manifest_hashes(world))


def _manifest_hashes(world: World) -> Iterator[str]:
    view = make_view(world)
    for manifest in desired(view, decide(view)):
        yield manifest_hash(manifest)


if __name__ == "__main__":
    sys.exit(main())
