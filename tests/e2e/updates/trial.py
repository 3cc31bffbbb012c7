"""One endpoint that is live while something is done to it."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
from msgspec import Struct

from mlendpoints.edge.kube.kinds import DEPLOYMENT, ENDPOINT, POD, SERVICE
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

_VISIBLE = "networking.istio.io/exportTo"  # "~": for nobody; read by istiod, ignored by everybody else
OVER = 1  # seconds: a deadline that has passed by the time that anything is told
Variants = Mapping[str, tuple[int, int]]  # name: weight, instances


class Trial:
    """An endpoint called ``name`` with a config and models of its own, one for each variant."""

    def __init__(self, namespace: Namespace, name: str) -> None:
        self.namespace = namespace
        self.name = name
        self.host = namespace.host(name)

    def make(self, variants: Variants, *, first: str = "") -> Object:
        """Makes all that it takes, each model answering by its variant's name, and waits until it is ready."""
        for variant in variants:
            self.set_model(variant, first=first)
        self.set_config(variants)
        self.namespace.apply(an_endpoint(self.name, config=self.name, host=self.host))
        return self.until_ready()

    def set_model(self, variant: str, **echo: Any) -> None:  # noqa: ANN401 (any JSON value)
        """Writes a variant's model."""
        self.namespace.apply(an_echo(self.model(variant), **({"answer": variant} | echo)))

    def swap(self, variant: str, **echo: Any) -> Object:  # noqa: ANN401 (any JSON value)
        """Rewrites a variant's model, and waits until the new version has taken over.

        An endpoint's conditions carry no generation of its models: right after the edit they may be those of before it.
        """
        known = self.instances()
        self.set_model(variant, **echo)
        self.until_pods_are_ready(self.newcomer(known))
        return self.until_ready()

    def set_config(self, variants: Variants) -> None:
        """Writes the config."""
        shares = variants.items()
        lines = (a_variant(name, self.model(name), weight=share[0], instances=share[1]) for name, share in shares)
        self.namespace.apply(a_config(self.name, *lines))

    def set_deadline(self, seconds: int) -> None:
        """Gives updates so much time from now on."""
        self.namespace.edit(ENDPOINT, self.name, {"update": {"deadlineSeconds": seconds}})

    def until_failed(self, reason: str) -> Object:
        """Waits until the new pods are told to fail for this reason, ends the update's time, and waits for its failure.

        No deadline is set before: how long pods take until they fail depends on what else the machine does.
        """

        def told() -> str:
            return str(condition_of(self.namespace.get(ENDPOINT, self.name), "ModelsReady").get("reason"))

        wait_until(lambda: told() == reason, f"the pods of {self.name} fail: {reason}", last=told)
        self.set_deadline(OVER)
        return self.namespace.until_condition(self.name, "UpdateSucceeded", "False", reason=reason)

    def model(self, variant: str) -> str:
        """Name of a variant's model."""
        return f"{self.name}-{variant}"

    def until_ready(self) -> Object:
        """Waits until config and endpoint are as asked."""
        self.namespace.until_rolled_out(self.name)
        return self.namespace.until_ready(self.name)

    def until_phase(self, *phases: str) -> None:
        """Waits until an update is in one of these phases."""

        def phase() -> str:
            update = self.namespace.get(ENDPOINT, self.name).get("status", {}).get("update") or {}
            return str(update.get("phase"))

        wait_until(lambda: phase() in phases, f"{self.name} is at {' or '.join(phases)}", last=phase)

    def instances(self) -> dict[str, str]:
        """Names of the model instances, with their variants."""
        found = self.namespace.instances(self.name)
        return {model["metadata"]["name"]: model["spec"]["instance"]["variant"] for model in found}

    def instance(self, variant: str) -> str:
        """The only model instance of a variant."""
        (name,) = (name for name, its in self.instances().items() if its == variant)
        return name

    def newcomer(self, known: Mapping[str, str]) -> str:
        """Waits for a model instance that is not ``known`` yet."""
        return wait_until(
            lambda: next(iter(self.instances().keys() - known.keys()), ""), f"{self.name} has a new instance"
        )

    def pods(self, instance: str) -> list[Object]:
        """Its pods, leaving ones included."""
        label = f"app.kubernetes.io/instance%3D{instance}"
        pods: list[Object] = self.namespace.server.read(f"{POD.path(self.namespace.name)}?labelSelector={label}")[
            "items"
        ]
        return pods

    def restarts(self) -> dict[str, int]:
        """Restarts of each pod, by uid, leaving ones included."""
        found = [pod for name in self.instances() for pod in self.pods(name)]
        return {pod["metadata"]["uid"]: _restarts(pod) for pod in found}

    def outcomes(self) -> list[str]:
        """How its updates ended, newest first."""
        return [entry["outcome"] for entry in self.namespace.get(ENDPOINT, self.name)["status"]["history"]]

    def until_pods_are_ready(self, instance: str, count: int = 1) -> None:
        """Waits for a Deployment's ready pods."""

        def ready() -> int:
            deployment = self.namespace.find(DEPLOYMENT, instance) or {}
            return int(deployment.get("status", {}).get("readyReplicas", 0))

        wait_until(lambda: ready() >= count, f"{instance} has {count} ready pods", last=ready)

    def until_leaving(self, instance: str) -> None:
        """Waits until one of its pods at least is told to leave, or all are gone."""

        def leaves() -> bool:
            pods = self.pods(instance)
            return not pods or any("deletionTimestamp" in pod["metadata"] for pod in pods)

        wait_until(leaves, f"a pod of {instance} leaves")

    def until_at_work(self, instance: str, calls: list["Future[httpx2.Response]"]) -> None:
        """Waits until the instance's proxies have all calls that are not over yet."""

        def at_work() -> int:
            return sum(proxy_of(pod).writing - 1 for pod in self.pods(instance))  # but for this question

        wait_until(lambda: at_work() >= sum(not call.done() for call in calls), "the calls are in flight", last=at_work)

    @contextmanager
    def hidden(self, instance: str) -> Iterator[None]:
        """The instance's Service is one that no gateway knows meanwhile."""
        wait_until(lambda: self.namespace.find(SERVICE, instance), f"there is a Service {instance}")
        self.namespace.annotate(SERVICE, instance, {_VISIBLE: "~"})
        yield
        self.namespace.annotate(SERVICE, instance, {_VISIBLE: None})

    def leave(self) -> None:
        """Deletes the endpoint and waits until it is gone."""
        self.namespace.delete(ENDPOINT, self.name)
        self.namespace.until_gone(ENDPOINT, self.name)


@contextmanager
def a_trial(namespace: Namespace, name: str) -> Iterator[Trial]:
    """An endpoint that is told to leave afterwards, if it has not been yet; not waited for."""
    try:
        yield Trial(namespace, name)
    finally:
        namespace.server.ask("DELETE", ENDPOINT.path(namespace.name, name))


def _restarts(pod: Object) -> int:
    statuses = pod["status"]["containerStatuses"] + pod["status"].get("initContainerStatuses", [])
    return sum(container["restartCount"] for container in statuses)


class Proxy(Struct, frozen=True):
    """Connections of a pod's proxy: all, and those with a request that is not answered yet."""

    connections: int
    writing: int


def proxy_of(pod: Object) -> Proxy:
    """What the pod's nginx tells: https://nginx.org/en/docs/http/ngx_http_stub_status_module.html."""
    told = httpx2.get(f"http://{pod['status']['podIP']}:9090/status", trust_env=False).text
    figures = dict(re.findall(r"(\w+): (\d+)", told))
    return Proxy(int(figures["connections"]), int(figures["Writing"]))


@contextmanager
def in_flight(gateways: list[Gateway], host: str, bodies: list[str]) -> Iterator[list["Future[httpx2.Response]"]]:
    """Invocations that have been sent, one for each body, through all gateway pods in turn; in the end all are over."""
    with ThreadPoolExecutor(len(bodies)) as callers:
        yield [
            callers.submit(gateways[number % len(gateways)].invoke, host, body=body)
            for number, body in enumerate(bodies)
        ]


def lost_of(calls: list["Future[httpx2.Response]"]) -> list[str]:
    """Status and words of those that were not answered in whole."""
    return [told for call in calls if (told := _loss(call))]


def _loss(call: "Future[httpx2.Response]") -> str:
    try:
        response = call.result()
    except httpx2.HTTPError as error:
        return f"0 {error!r}"
    return "" if response.status_code == 200 else f"{response.status_code} {response.text}".rstrip()
