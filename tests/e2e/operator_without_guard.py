"""The operator with one guard taken out: ``python -m tests.e2e.operator_without_guard NAME``.

Each seed is one way in which others lost requests. It only shows that the
tests would see such a loss; nothing of this is in the product.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

from mlendpoints.api import labels
from mlendpoints.api.model import Model
from mlendpoints.core import drift
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.endpoint import desired, plan, prune, rollout
from mlendpoints.core.endpoint.prune import Stale
from mlendpoints.core.endpoint.readiness import models_finding
from mlendpoints.core.endpoint.rollout import Rollout
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.manifests import deployment, instances
from mlendpoints.core.manifests.deployment import make_deployment
from mlendpoints.core.manifests.destinationrule import make_destination_rule
from mlendpoints.core.manifests.instances import operators_part
from mlendpoints.core.manifests.metadata import instance_of, pod_selector
from mlendpoints.core.world import Child, Ref, Settings
from mlendpoints.edge.__main__ import main


def seed(module: object, name: str, value: object) -> None:
    """Puts ``value`` in the place of a part of the product, which must exist."""
    assert hasattr(module, name), f"{module} has no {name}: the seed would change nothing"
    setattr(module, name, value)


def believe_gateways() -> None:
    """A destination takes traffic as soon as its pods are ready, whether or not the gateways know it."""
    seed(rollout, "new_instances", lambda _view, _waypoints: ())


def repoint_services() -> None:
    """One Service for each variant: an edit points it to the new pods, ready or not."""

    def selector(view: View, instance: Model) -> dict[str, str]:
        marks, variants = instance.spec.instance, view.target.variants if view.target else ()
        newest = (variant.instance for variant in variants if marks and variant.spec.name == marks.variant)
        return pod_selector(next(newest, instance.metadata.name))

    _select(selector)


def empty_selectors() -> None:
    """While the new pods crash, the Service of those that serve selects nothing."""

    def selector(view: View, instance: Model) -> dict[str, str]:
        crashes = models_finding(view).ok is False
        return pod_selector("" if crashes else instance.metadata.name)

    _select(selector)


def _select(selector: Callable[[View, Model], dict[str, str]]) -> None:
    parts = desired._parts  # noqa: SLF001 (what is seeded)

    def seeded(view: View, instance: Model) -> Iterable[Manifest]:
        for manifest in parts(view, instance):
            if manifest["kind"] == "Service" and instance.metadata.name in view.serving_instances:
                manifest["spec"]["selector"] = selector(view, instance)
            yield manifest

    seed(desired, "_parts", seeded)


def remove_before_the_shift() -> None:
    """The old version, Service and all, is deleted as soon as the new pods are ready."""

    def find_stale(view: View, _rollout: Rollout) -> Stale:
        if view.target is None or not view.target_is_ready():
            return Stale()
        return Stale(model_instances=tuple(sorted(view.world.model_instances.keys() - view.target.instances)))

    def prune_instance(view: View, instance: str) -> tuple[Child, ...]:
        child = view.existing(Ref(Model.KIND, view.namespace, instance))
        return (child,) if child else ()

    seed(plan, "find_stale", find_stale)
    seed(prune, "prune_instance", prune_instance)
    seed(prune, "routes_are_proven", lambda _view, _rollout: True)
    seed(prune, "is_recorded", lambda _view, _rollout: True)


def remove_before_the_proof() -> None:
    """Old pods are removed as soon as the routes are written."""
    seed(prune, "routes_are_proven", lambda _view, _rollout: True)
    seed(prune, "is_recorded", lambda _view, _rollout: True)


def remember_readiness() -> None:
    """What was ready once counts as ready again: going back is immediate."""
    is_ready = View.target_is_ready

    def seeded(view: View) -> bool:
        history = view.world.endpoint.status.history
        before = {entry.target for entry in history if entry.outcome == "Succeeded"}
        return is_ready(view) or (view.target is not None and view.target.version in before)

    seed(View, "target_is_ready", seeded)
    believe_gateways()


def promote_early() -> None:
    """The new version takes traffic as soon as it is written."""

    def seeded(view: View) -> bool:
        return view.target is not None and view.target.instances <= view.world.model_instances.keys()

    seed(View, "target_is_ready", seeded)
    believe_gateways()


def leave_at_once() -> None:
    """A pod that is deleted takes no more requests, whether the gateways know or not."""
    _change("nginx", _without_hook)


def stop_the_model_first() -> None:
    """The model does not wait for its proxy to drain."""
    _change("model", _without_hook)


def stop_the_proxy_fast() -> None:
    """The proxy's stop signal is SIGTERM, nginx's fast stop."""
    command = "trap 'kill -TERM $!' QUIT; /etc/mlendpoints/entrypoint & wait $!; wait $!"
    _change("nginx", lambda container: container | {"command": ["sh", "-c", command]})


def keep_idle_connections_to_the_proxy() -> None:
    """Gateways never give up an idle connection: the proxy is the one to close it."""

    def seeded(instance: Model) -> Manifest:
        manifest = make_destination_rule(instance)
        del manifest["spec"]["trafficPolicy"]["connectionPool"]
        return manifest

    seed(desired, "make_destination_rule", seeded)


def keep_idle_connections_to_the_model() -> None:
    """The proxy keeps idle connections for as long as nginx does by default, longer than the model server."""
    files = "/etc/mlendpoints"
    command = (
        f"sed 's/keepalive_timeout  20s/keepalive_timeout 60s/' {files}/nginx.conf.template >/tmp/template;"
        f" sed 's#{files}/nginx.conf.template#/tmp/template#' {files}/entrypoint >/tmp/entrypoint;"
        " exec sh /tmp/entrypoint"
    )
    _change("nginx", lambda container: container | {"command": ["sh", "-c", command]})


def ask_only_the_proxy() -> None:
    """Pods count as ready as soon as their proxy runs, whether or not the model behind it answers."""
    probe = {"httpGet": {"path": "/healthz", "port": "metrics"}, "periodSeconds": 1}
    _change("nginx", lambda container: container | {"readinessProbe": probe})
    _change("model", lambda container: {key: v for key, v in container.items() if key != "startupProbe"})


def build_otherwise() -> None:
    """No fault, but what an upgrade brings: another revision of the builder, and so another pod template."""

    def annotated(instance: Model, *, replicas: int) -> Manifest:
        manifest = make_deployment(instance, replicas=replicas)
        manifest["metadata"]["annotations"][labels.BUILDER] = "otherwise"
        manifest["spec"]["template"]["spec"]["containers"][1]["env"].append({"name": "BUILT", "value": "otherwise"})
        return manifest

    seed(drift, "BUILDER", "otherwise")
    seed(desired, "make_deployment", annotated)


def build_as_before() -> None:
    """No fault, but an earlier release: instances hold no revision, and pods are such as the proxy of that time needs.

    All of a pod ran as one user; the gateway's ping and all probes went to the model, which was a native sidecar.
    """
    health = {"httpGet": {"path": "/ping", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5}

    def part(settings: Settings) -> dict[str, Any]:
        return {name: value for name, value in operators_part(settings).items() if name != "builder"}

    def built(instance: Model, *, replicas: int) -> Manifest:
        manifest = make_deployment(instance, replicas=replicas)
        manifest["metadata"]["annotations"][labels.BUILDER] = "1"
        pod = manifest["spec"]["template"]["spec"]
        model, nginx = map(_without_hook, pod["containers"])
        model |= {"restartPolicy": "Always", "livenessProbe": health | {"httpGet": {"path": "/ping", "port": "model"}}}
        drain = instance_of(instance).drain_seconds
        nginx |= {"readinessProbe": health} | (
            {"lifecycle": {"preStop": {"sleep": {"seconds": drain}}}} if drain else {}
        )
        pod["initContainers"] = [*pod.get("initContainers", []), model]
        pod["containers"] = [nginx]
        for container in (*pod["initContainers"], *pod["containers"]):
            container["securityContext"] |= {"runAsUser": 1000, "runAsGroup": 1000}
        return manifest

    seed(instances, "operators_part", part)
    seed(drift, "BUILDER", "1")
    seed(desired, "make_deployment", built)


def _without_hook(container: Manifest) -> Manifest:
    return {key: value for key, value in container.items() if key != "lifecycle"}


def _change(name: str, change: Callable[[Manifest], Manifest]) -> None:
    """Lets a pod be made by the product, then changes one of its containers."""
    make_pod = deployment.make_pod

    def seeded(instance: Model, *, claim: str = "") -> Manifest:
        pod = make_pod(instance, claim=claim)
        return pod | {"containers": [change(each) if each["name"] == name else each for each in pod["containers"]]}

    seed(deployment, "make_pod", seeded)


SEEDS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        believe_gateways,
        repoint_services,
        empty_selectors,
        remove_before_the_shift,
        remove_before_the_proof,
        remember_readiness,
        promote_early,
        leave_at_once,
        stop_the_model_first,
        stop_the_proxy_fast,
        keep_idle_connections_to_the_proxy,
        keep_idle_connections_to_the_model,
        ask_only_the_proxy,
        build_otherwise,
        build_as_before,
    )
}

if __name__ == "__main__":
    SEEDS[sys.argv[1]]()
    sys.exit(main())
