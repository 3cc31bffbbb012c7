"""The tree of an endpoint or MLModel: variants, versions, instances and pods, with what each waits for. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Literal

from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint, VariantStatus
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.cli.columns import duration
from mlendpoints.client.explaining import condition_of, explain
from mlendpoints.core.reasons.pods import pod_finding
from mlendpoints.core.reasons.quoting import one_line
from mlendpoints.core.times import seconds
from mlendpoints.core.world import PodFacts

Mark = Literal["ready", "waits", "failed", "off"]
SYMBOLS: dict[Mark, str] = {"ready": "✔", "waits": "◌", "failed": "✖", "off": "·"}
LONGEST = 4  # lines of what one node waits for


class Node(Struct, frozen=True):
    """One line of the tree, what it waits for, and what is below it."""

    mark: Mark
    text: str
    waits_for: str = ""
    below: tuple["Node", ...] = ()


class Observed(Struct, frozen=True, kw_only=True):
    """What a status is made of."""

    root: Endpoint | MLModel
    instances: tuple[Model, ...] = ()  # frozen versions of an endpoint
    pods: tuple[PodFacts, ...] = ()


def make_tree(observed: Observed, now: float) -> Node:
    """The tree; ``now`` in seconds since the epoch."""
    if isinstance(observed.root, MLModel):
        return _mlmodel(observed.root, observed.pods)
    return _endpoint(observed.root, observed.instances, observed.pods, now)


def _endpoint(endpoint: Endpoint, instances: Sequence[Model], pods: Sequence[PodFacts], now: float) -> Node:
    status, found = endpoint.status, explain(endpoint)
    known = {instance.metadata.name: instance for instance in instances}
    variants = sorted(status.variants, key=lambda variant: variant.name)
    named = {variant.instance for variant in variants}
    kept = [known[name] for name in sorted(known.keys() - named)]
    return Node(
        _mark(endpoint, is_ready=found.is_ready),
        "  ".join(filter(None, (f"endpoint {endpoint.metadata.name}", status.state, status.url))),
        "" if found.is_ready else found.message or found.sentence,
        (
            *_update(endpoint, now),
            *(
                _variant(name, list(group), known, pods)
                for name, group in groupby(variants, lambda variant: variant.name)
            ),
            *(_kept(instance, pods) for instance in kept),
        ),
    )


def _mark(root: Endpoint | MLModel, *, is_ready: bool) -> Mark:
    ready = condition_of(root, "Ready")
    if is_ready:
        return "ready"
    return "failed" if ready is not None and ready.status == "False" else "waits"


def _update(endpoint: Endpoint, now: float) -> Iterator[Node]:
    update = endpoint.status.update
    if update is not None:
        took = duration(max(0, int(now - seconds(update.start_time))))
        yield Node("waits", f"update to {update.target}  {update.phase} for {took}")


def _variant(name: str, versions: Sequence[VariantStatus], known: dict[str, Model], pods: Sequence[PodFacts]) -> Node:
    below = tuple(_version(version, known.get(version.instance), pods) for version in versions)
    mark: Mark = next((node.mark for node in below if node.mark in ("failed", "waits")), "ready")
    in_force = sum(version.current_weight for version in versions)
    requested = sum(version.desired_weight for version in versions)
    weight = f"weight {in_force}" if in_force == requested else f"weight {in_force}, requested {requested}"
    return Node(mark, f"variant {name}  {weight}", "", below)


def _version(version: VariantStatus, instance: Model | None, pods: Sequence[PodFacts]) -> Node:
    ready, desired = version.ready_instances, version.desired_instances
    condition = condition_of(instance, "Ready") if instance is not None else None
    waits = condition.message if condition is not None and condition.status != "True" and ready < desired else ""
    return Node(
        _count_mark(ready, desired, failed=bool(waits) and condition is not None and condition.status == "False"),
        f"version {version.version}  instance {version.instance}  {ready} of {desired} pods ready",
        waits,
        tuple(_pod(pod) for pod in pods if pod.instance == version.instance),
    )


def _count_mark(ready: int, desired: int, *, failed: bool) -> Mark:
    if desired == 0:
        return "off"
    if ready >= desired:
        return "ready"
    return "failed" if failed else "waits"


def _kept(instance: Model, pods: Sequence[PodFacts]) -> Node:
    of = instance.spec.instance
    what = f"variant {of.variant}  version {of.version}" if of else ""
    below = tuple(_pod(pod) for pod in pods if pod.instance == instance.metadata.name)
    return Node("off", f"{what}  instance {instance.metadata.name}  kept, without traffic", "", below)


def _mlmodel(model: MLModel, pods: Sequence[PodFacts]) -> Node:
    status, found = model.status, explain(model)
    versions = f"version {status.version}" if status.version else ""
    if status.serving_version not in ("", status.version):
        versions = f"{versions}, {status.serving_version} serves"
    ready = f"{status.ready_replicas} of {model.spec.replicas} pods ready"
    return Node(
        _mark(model, is_ready=found.is_ready),
        "  ".join(filter(None, (f"mlmodel {model.metadata.name}", status.phase, versions, ready))),
        "" if found.is_ready else status.message or found.sentence,
        tuple(_pod(pod) for pod in pods),
    )


def _pod(pod: PodFacts) -> Node:
    restarts = sum(container.restarts for container in pod.containers)
    text = f"pod {pod.name}" + (f"  {restarts} restarts" if restarts else "")
    if pod.deleting:
        return Node("off", f"{text}  terminating")
    if pod.ready:
        return Node("ready", text)
    if pod.has_ended:
        return Node("off", f"{text}  ended", pod.end)
    finding = pod_finding(pod)
    if finding is not None:
        return Node("waits" if finding.ok is None else "failed", text, finding.message)
    waiting = (f"{c.name}: {c.waiting_reason}" for c in pod.containers if c.waiting_reason)
    return Node("waits", text, ", ".join(waiting) or "Its containers are starting.")


def tree_lines(node: Node, width: int) -> list[str]:
    r"""The tree in lines of at most ``width`` columns.

    >>> print("\n".join(tree_lines(Node("waits", "variant blue", "No pod.", (Node("ready", "pod a"),)), 40)))
    ◌ variant blue
    │   No pod.
    └─✔ pod a
    """
    return [_cut(line, width) for line in _lines(node, "", "", width)]


def _lines(node: Node, first: str, rest: str, width: int) -> Iterator[str]:
    text = "".join(character if character.isprintable() else " " for character in node.text)
    yield f"{first}{SYMBOLS[node.mark]} {text}"
    bar = f"{rest}{'│   ' if node.below else '    '}"
    waits_for = wrap(one_line(node.waits_for), max(20, width - len(bar)), max_lines=LONGEST, placeholder=" …")
    yield from (f"{bar}{line}" for line in waits_for)
    for child in node.below:
        last = child is node.below[-1]
        yield from _lines(child, f"{rest}{'└─' if last else '├─'}", f"{rest}{'  ' if last else '│ '}", width)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"
