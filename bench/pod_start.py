"""``python -m bench.pod_start``: how long pods take until they are Ready, next to the bare server.

On the cluster of KUBECONFIG or the local one, with the Titanic example's model.
Pods of each kind are created in turn, one at a time, each round beginning with
the next kind, so that whatever else the machine does concerns all of them:

- bare: the same init container, then the model server with a readiness probe of its own
- ours: the pod template that the installed operator has written
- no startup probe: the same without the model's startup probe, so that nginx's readiness probe alone decides
- native sidecar: the same as revision 2 of the template was: the model among
  the init containers, nginx after its startup probe has passed

A pod's time is from the answer to its creation to the watch event that first
says Ready. The readiness probe's period is 1 s for all.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Iterable
from statistics import median

from bench.objects import create_endpoints
from bench.readiness import all_ready
from bench.whole_cluster import CONFIG, with_example
from mlendpoints.api import labels
from mlendpoints.edge.kube.kinds import DEPLOYMENT, POD
from tests.kit.client import Client, Object
from tests.kit.waiting import poll_until

AIM = 0.2  # seconds that our pod may add to the bare server's
_ENDPOINT = "start"
_NOW = "?gracePeriodSeconds=0"  # deletes without a chance to drain: only the start is measured


def _bare(pod: Object) -> Object:
    """The model server alone, after the same init containers."""
    model, _ = pod["containers"]
    server = {key: value for key, value in model.items() if key not in ("startupProbe", "livenessProbe", "lifecycle")}
    probe = {"httpGet": model["startupProbe"]["httpGet"], "periodSeconds": 1}
    return pod | {"containers": [server | {"readinessProbe": probe}]}


def _ours(pod: Object) -> Object:
    return pod


def _no_startup_probe(pod: Object) -> Object:
    model, nginx = pod["containers"]
    return pod | {"containers": [{key: value for key, value in model.items() if key != "startupProbe"}, nginx]}


def _native_sidecar(pod: Object) -> Object:
    model, nginx = (
        {key: value for key, value in container.items() if key != "lifecycle"} for container in pod["containers"]
    )
    return pod | {
        "initContainers": [*pod["initContainers"], model | {"restartPolicy": "Always"}],
        "containers": [nginx],
    }


KINDS: dict[str, Callable[[Object], Object]] = {
    "bare": _bare,
    "ours": _ours,
    "no startup probe": _no_startup_probe,
    "native sidecar": _native_sidecar,
}


async def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds from creation to Ready, by kind and round."""
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    async with with_example() as (client, namespace):
        await create_endpoints(client, namespace, [_ENDPOINT], config=CONFIG)
        template = await poll_until(lambda: _template(client, namespace), "the operator has written a Deployment")
        for number in range(rounds):
            for kind in _turned(KINDS, number):
                pod = _make(kind, number, KINDS[kind](template))
                taken[kind].append(await _start(client, namespace, pod))
    return taken


def _turned(kinds: Iterable[str], number: int) -> list[str]:
    """Whoever is first in one round is last in the next."""
    order = list(kinds)
    first = number % len(order)
    return order[first:] + order[:first]


async def _template(client: Client, namespace: str) -> Object | None:
    found = await client.items(f"{DEPLOYMENT.path(namespace)}?labelSelector={labels.ENDPOINT}={_ENDPOINT}")
    pods: list[Object] = [deployment["spec"]["template"]["spec"] for deployment in found]
    return pods[0] if pods else None


def _make(kind: str, number: int, spec: Object) -> Object:
    """A pod that no Service and no ReplicaSet selects."""
    return {"metadata": {"name": f"{kind.replace(' ', '-')}-{number}"}, "spec": spec}


async def _start(client: Client, namespace: str, pod: Object) -> float:
    name = pod["metadata"]["name"]
    ready = asyncio.create_task(_ready(client, namespace, name))
    await client.create(POD.path(namespace), pod)
    created = time.monotonic()
    try:
        return await asyncio.wait_for(ready, 120) - created
    finally:
        await client.ask("DELETE", POD.path(namespace, name) + _NOW)
        await poll_until(lambda: client.is_gone(POD.path(namespace, name)), f"pod {name} is gone")


async def _ready(client: Client, namespace: str, name: str) -> float:
    await all_ready(client, POD.path(namespace), {name})
    return time.monotonic()


def lines(taken: dict[str, list[float]]) -> list[str]:
    """A row for each kind: the median, the slowest, and the median of what it adds to the bare server's time."""
    table = [f"{'pod':<18}{'median, s':>10}{'slowest, s':>12}{'added to bare, s':>18}"]
    for kind, times in taken.items():
        added = median(each - bare for each, bare in zip(times, taken["bare"], strict=True))
        table.append(f"{kind:<18}{median(times):>10.2f}{max(times):>12.2f}{added:>18.2f}")
    return table


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.pod_start", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30, help="pods of each kind (30)")
    arguments = parser.parse_args()
    print("\n".join(lines(asyncio.run(measure(arguments.rounds)))), f"\naim: ours adds at most {AIM} s")


if __name__ == "__main__":
    main()
