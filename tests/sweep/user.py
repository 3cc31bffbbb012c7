"""What people do to an endpoint, and how they see that it is as they asked."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from mlendpoints.api.meta import API_VERSION
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.endpoint.updates import Phase
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.times import seconds
from mlendpoints.core.world import Destination, Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import KINDS, Kind
from tests.kit.client import Client, Object, RequestError
from tests.sweep.administrator import Administrator
from tests.sweep.clock import Clock
from tests.sweep.neighbour import Neighbour
from tests.sweep.store import Record
from tests.sweep.workloads import Behaviour, Workloads

ENDPOINT, CONFIG = "ep", "cfg"
_MERGE = "application/merge-patch+json"
_SHARE = ("name", "model", "weight", "instances")


def variant(name: str, model: str, weight: int = 1, instances: int = 1) -> Object:
    return {"name": name, "model": model, "weight": weight, "instances": instances}


def image(name: str) -> str:
    return f"localhost/{name}"


class User:
    """A person with kubectl, in one namespace."""

    def __init__(self, *, client: Client, record: Record, workloads: Workloads, clock: Clock) -> None:
        self._client = client
        self._record = record
        self._workloads = workloads
        self._clock = clock
        self.acts: list[int] = []  # revisions of what this person wrote
        self.broken: set[str] = set()  # names of objects that this person has damaged
        self.turned = False  # whether this person has written weights that nobody asked for
        self.neighbour: Neighbour | None = None
        self.administrator: Administrator | None = None
        self.outage: Callable[[], AbstractAsyncContextManager[None]] | None = None  # of the operator

    async def models(self, *names: str) -> None:
        """Makes models, each with an image of its name."""
        for name in names:
            await self.create(kinds.MODEL, name, {"image": image(name)})

    async def config(self, *variants: Object, name: str = CONFIG) -> None:
        await self.create(kinds.CONFIG, name, {"models": list(variants)})

    async def endpoint(self, name: str = ENDPOINT, *, config: str = CONFIG, host: str = "") -> None:
        await self.create(kinds.ENDPOINT, name, {"config": config, "host": host or self.host(name)})

    def host(self, name: str) -> str:
        """Of an endpoint of this name."""
        return f"{name}.{self._record.namespace}.test"

    async def create(self, kind: Kind, name: str, spec: Object) -> None:
        metadata = {"name": name, "namespace": self._record.namespace}
        manifest = {"apiVersion": API_VERSION, "kind": kind.name, "metadata": metadata, "spec": spec}
        await self._ask("POST", kind, name, body=manifest)

    async def edit(self, kind: Kind, name: str, **spec: object) -> None:
        await self._ask("PATCH", kind, name, body={"spec": spec}, media=_MERGE)

    async def share(self, *variants: Object, name: str = CONFIG) -> None:
        """Edits a config's variants."""
        await self.edit(kinds.CONFIG, name, models=list(variants))

    async def delete(self, kind: Kind, name: str, *, policy: str = "Background") -> None:
        before = self.uid(kind, name)
        path = kind.path(self._record.namespace, name)
        await self._client.ask("DELETE", path, body={"propagationPolicy": policy})
        await self.sees(lambda: self._leaves(kind, name, before), f"{kind.name} {name} leaves")
        self.acts.append(self._record.left(kind, name, before))

    async def damage(self, kind: Kind, name: str) -> None:
        """Deletes an object of the operator's by hand."""
        self.broken.add(name)
        await self.delete(kind, name)

    async def turn_weights(self, name: str) -> None:
        """Edits the weights of an endpoint's routes by hand, to what nobody has asked."""
        self.turned = True
        routes = self.get(kinds.VIRTUAL_SERVICE, name) or {}
        rules = [rule | _turned(rule) if rule.get("name") == "weighted" else rule for rule in routes["spec"]["http"]]
        await self.edit(kinds.VIRTUAL_SERVICE, name, http=rules)

    async def endpoint_again(self) -> None:
        """Creates the endpoint as soon as the one before it lets its name go."""
        while True:
            try:
                await self.endpoint()
            except RequestError as error:
                if error.status != 409:
                    raise
                await self.sees(lambda: self.get(kinds.ENDPOINT, ENDPOINT) is None, "the old endpoint is gone")
            else:
                return

    async def _ask(self, method: str, kind: Kind, name: str, *, body: Object, media: str = "application/json") -> None:
        """A write that is over when the record has it: what is seen afterwards is no older."""
        path = kind.path(self._record.namespace, "" if method == "POST" else name)
        answer = msgspec.json.decode(await self._client.ask(method, path, body=body, media=media))
        revision = int(answer["metadata"]["resourceVersion"])
        await self.sees(lambda: self._record.has_seen(kind, name, revision), f"{kind.name} {name} is on record")
        self.acts.append(revision)

    async def puts_credential(self, name: str) -> None:
        """The administrator puts a TLS credential beside the gateway's pods."""
        assert self.administrator is not None
        self.acts.append(await self.administrator.puts_credential(name))

    async def names_credential(self, name: str) -> None:
        """The administrator starts the operator again, with a credential for all hosts."""
        assert self.administrator is not None
        await self.administrator.names_credential(name)

    async def loses_a_node(self) -> None:
        """A node dies, and one of the gateway's pods with it."""
        assert self.administrator is not None
        await self.administrator.loses_a_node()

    def _leaves(self, kind: Kind, name: str, uid: str) -> bool:
        obj = self.get(kind, name)
        return obj is None or obj["metadata"]["uid"] != uid or "deletionTimestamp" in obj["metadata"]

    def pods(self, image_name: str, behaviour: Behaviour) -> None:
        """How pods of a model's image behave from now on."""
        self._workloads.behave(self._record, image(image_name), behaviour)

    def get(self, kind: Kind, name: str) -> Object | None:
        return self._record.get(kind, name)

    async def sees(self, holds: Callable[[], bool], what: str) -> None:
        """Waits until the store shows it."""
        await self._record.until(holds, what)

    async def sees_it_as_asked(self, name: str = ENDPOINT) -> None:
        await self.sees(lambda: self.is_as_asked(name), f"{name} is as asked")

    async def sees_it_say(self, words: str, name: str = ENDPOINT) -> None:
        """Waits until a condition of the endpoint holds these words, a detail that may take its time."""
        with self._clock.going():
            await self.sees(lambda: self.says(words, name), f"{name} says {words!r}")

    def says(self, words: str, name: str = ENDPOINT) -> bool:
        """Whether the endpoint holds these words."""
        return words in str(self.get(kinds.ENDPOINT, name))

    async def sees_no_door(self, port: int, name: str = ENDPOINT) -> None:
        """Waits until the Gateway does not open this port."""
        shut = lambda: all(listener.port != port for listener in parse_listeners(self.get(kinds.GATEWAY, name) or {}))  # noqa: E731
        await self.sees(shut, f"{name} is closed at {port}")

    async def sees_doors_with(self, credential: str, name: str = ENDPOINT) -> None:
        """Waits until the Gateway opens HTTPS with this credential."""
        await self.sees(lambda: credential in str(self.get(kinds.GATEWAY, name)), f"{name} opens with {credential}")

    async def sees_it_fail(self, name: str = ENDPOINT) -> None:
        await self.sees(lambda: self.outcomes(name)[:1] == ["Failed"], f"the update of {name} fails")

    async def sees_it_succeed(self, name: str = ENDPOINT) -> None:
        await self.sees(lambda: self.outcomes(name)[:1] == ["Succeeded"], f"the update of {name} succeeds")

    async def sees_it_updating(self, name: str = ENDPOINT) -> None:
        await self.sees(lambda: self._update(name) is not None, f"an update of {name} is on record")

    async def waits_past(self, after: float, name: str = ENDPOINT) -> None:
        """Until the running update has begun so many seconds ago."""
        update = self._update(name)
        assert update is not None
        due = seconds(update["startTime"]) + after
        await self.sees(lambda: time.time() > due, f"{after:.0f} s of the update of {name} have passed")

    def _update(self, name: str) -> Object | None:
        update: Object | None = (self.get(kinds.ENDPOINT, name) or {}).get("status", {}).get("update")
        return update

    async def sees_it_gone(self) -> None:
        await self.sees(self.nothing_is_left, "nothing is left of the endpoint")

    async def sees_pods_of(self, model: str) -> None:
        """Waits for the Deployment of an instance of a model's image."""
        await self.sees(lambda: self.has_deployment(model), f"pods of {model} are asked for")

    async def sees_ready_pods_of(self, model: str) -> None:
        """Waits until a model's image has ready pods, and its Deployment says so."""
        await self.sees(lambda: self._has_ready_pods(model), f"pods of {model} are ready")

    def _has_ready_pods(self, model: str) -> bool:
        pods = (pod for pod in self._record.of(kinds.DEPLOYMENT) if _runs(pod, model))
        return any(
            (self.get(kinds.SLICE, pod["metadata"]["name"]) or {}).get("endpoints")
            and pod.get("status", {}).get("readyReplicas", 0) == pod["spec"]["replicas"]
            for pod in pods
        )

    async def sees_no_pods_of(self, model: str) -> None:
        """Waits until the Deployment of a model's image is gone, and whatever goes with it."""
        await self.sees(
            lambda: not self.has_deployment(model) and self._record.is_collected, f"pods of {model} are gone"
        )

    def uid(self, kind: Kind, name: str) -> str:
        """Empty when the object is not there."""
        obj = self.get(kind, name)
        return str(obj["metadata"]["uid"]) if obj else ""

    def has_deployment(self, model: str) -> bool:
        return any(_runs(pod, model) for pod in self._record.of(kinds.DEPLOYMENT))

    def outcomes(self, name: str = ENDPOINT) -> list[str]:
        """Outcomes of its updates, newest first."""
        endpoint = self.get(kinds.ENDPOINT, name) or {}
        return [entry["outcome"] for entry in endpoint.get("status", {}).get("history", [])]

    def instance(self, variant_name: str) -> str:
        """The one model instance of a variant."""
        found = (obj for obj in self._record.of(kinds.MODEL) if "instance" in obj["spec"])
        (name,) = [obj["metadata"]["name"] for obj in found if obj["spec"]["instance"]["variant"] == variant_name]
        return str(name)

    def is_as_asked(self, name: str = ENDPOINT) -> bool:
        """Whether the endpoint says it is ready, and serves what its templates say now."""
        endpoint = self.get(kinds.ENDPOINT, name)
        if endpoint is None or "deletionTimestamp" in endpoint["metadata"]:
            return False
        status, config = endpoint.get("status", {}), self.get(kinds.CONFIG, endpoint["spec"]["config"])
        serves = self.get(kinds.CONFIG, f"{endpoint['spec']['config']}-{status.get('configVersion')}")
        if config is None or serves is None or _is_running(status) or not _is_ready(endpoint):
            return False
        return _shares(config) == _shares(serves) and self._is_current(serves) and self._is_routed(name, serves)

    def routed(self, name: str = ENDPOINT) -> dict[str, int]:
        """Weights in the routes, by variant."""
        return {destination.variant: destination.weight for destination in self._destinations(name)}

    def destinations(self, name: str = ENDPOINT) -> set[str]:
        """Instances that the routes name."""
        return {destination.instance for destination in self._destinations(name)}

    def _destinations(self, name: str) -> tuple[Destination, ...]:
        routes = parse_routes(self.get(kinds.VIRTUAL_SERVICE, name) or {})
        return routes.destinations if routes else ()

    def _is_routed(self, name: str, serves: Object) -> bool:
        return self.routed(name) == {one["name"]: one.get("weight", 1) for one in serves["spec"]["models"]}

    def _is_current(self, serves: Object) -> bool:
        versions = serves["spec"]["instance"]["modelVersions"]
        for one in serves["spec"]["models"]:
            template = self.get(kinds.MODEL, one["model"])
            made = self.get(kinds.MODEL, f"{one['model']}-{versions[one['name']]}")
            if template is None or made is None or made["spec"]["image"] != template["spec"]["image"]:
                return False
        return True

    def nothing_is_left(self) -> bool:
        """Whether nothing stands but templates."""
        return all(ref.kind == kinds.EVENT.name or _is_template(ref, obj) for ref, obj in self._record.objects.items())


def _is_template(ref: Ref, obj: Object) -> bool:
    return KINDS[ref.kind] in (kinds.CONFIG, kinds.MODEL) and "instance" not in obj["spec"]


def _runs(deployment: Object, model: str) -> bool:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return any(container["image"] == image(model) for container in containers)


def _is_running(status: Object) -> bool:
    """Whether an update has not succeeded yet; what served before may still be leaving."""
    return "update" in status and status["update"]["phase"] != Phase.REMOVING_OLD


def _is_ready(endpoint: Object) -> bool:
    generation, conditions = endpoint["metadata"]["generation"], endpoint["status"].get("conditions", [])
    return any(
        c["type"] == "Ready" and c["status"] == "True" and c.get("observedGeneration", 0) == generation
        for c in conditions
    )


def _shares(config: Object) -> list[tuple[object, ...]]:
    found = ({"weight": 1, "instances": 1} | one for one in config["spec"]["models"])
    return sorted(tuple(one[name] for name in _SHARE) for one in found)


def _turned(rule: Object) -> Object:
    return {"route": [target | {"weight": 100 - target["weight"]} for target in rule["route"]]}
