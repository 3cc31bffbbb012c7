"""One endpoint under load: what is asked of it, edits, and the moment at which all is as asked again."""

import time
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from bench.zero_loss.killable import Operator
from bench.zero_loss.objects import ENDPOINT, Variant, make_config, make_endpoint, make_model
from bench.zero_loss.sight import Moment, Sight, condition_of
from mlendpoints.edge.kube import kinds
from tests.kit.client import Client, Object

CONFIG, OTHER = "first", "second"
BASE = {"blue": Variant("forest", 90), "green": Variant("logistic", 10)}
DEADLINE = 300  # seconds
_ANSWERS = {"forest": "forest-0", "logistic": "logistic-0", "spare": "spare-0"}
_KINDS = {kind.name: kind for kind in (kinds.ENDPOINT, kinds.CONFIG, kinds.MODEL)}


class Asked(Struct):
    """What the user's objects say now: answers by model, configs by name, and the endpoint's own fields."""

    answers: dict[str, str]
    configs: dict[str, Mapping[str, Variant]]
    config: str = CONFIG
    deadline: int = DEADLINE

    @property
    def variants(self) -> Mapping[str, Variant]:
        """Of the config that is in force."""
        return self.configs[self.config]

    @property
    def allowed(self) -> frozenset[str]:
        """Answers that callers may get once all is as asked."""
        return frozenset(self.answers[variant.model] for variant in self.variants.values() if variant.weight)


class Stage:
    """Edits, and waits."""

    def __init__(self, *, client: Client, namespace: str, gateway: str, sight: Sight, operator: Operator) -> None:
        self.client = client  # as a cluster's administrator
        self.gateway = gateway  # Service, namespace/name
        self._namespace = namespace
        self.sight = sight
        self.operator = operator
        self.host = f"{ENDPOINT}.{namespace}.example.com"
        self.asked = Asked(dict(_ANSWERS), {CONFIG: BASE})
        self.edits: list[float] = []  # seconds of the monotonic clock, just before each was sent
        self._generations: dict[tuple[str, str], int] = {}

    @property
    def status_now(self) -> Moment:
        """The endpoint's status as it was seen last."""
        return self.sight.moments[-1]

    async def make(self) -> None:
        """Three models, one config, the endpoint; ready."""
        for model in self.asked.answers:
            await self.set_model(model)
        await self.set_config(CONFIG, BASE)
        await self.set_config(OTHER, {"blue": Variant("spare", 1)})
        await self.set_endpoint()
        await self.until_settled()

    async def set_model(self, name: str, *, answer: str = "", broken: Mapping[str, object] | None = None) -> None:
        """Writes a model; without ``answer`` it is as it was last asked, but for what is ``broken``."""
        self.asked.answers[name] = answer or self.asked.answers[name]
        await self._edit(make_model(name, self.asked.answers[name], broken=broken))

    async def set_next_model(self, name: str) -> None:
        """A new version of a model, whose answer nobody has heard yet."""
        before, _, number = self.asked.answers[name].rpartition("-")
        await self.set_model(name, answer=f"{before}-{int(number) + 1}")

    async def set_config(self, name: str, variants: Mapping[str, Variant]) -> None:
        """Writes a config."""
        self.asked.configs[name] = variants
        await self._edit(make_config(name, variants))

    async def renew(self) -> None:
        """A new version of every model: an operator's settings go into pods that are made from then on."""
        for model in self.asked.answers:
            await self.set_next_model(model)

    async def set_variants(self, **variants: Variant) -> None:
        """Replaces single variants of the config in force."""
        await self.set_config(self.asked.config, {**self.asked.variants, **variants})

    async def set_endpoint(self, *, config: str = "", deadline: int = DEADLINE) -> None:
        """Writes the endpoint."""
        self.asked.config, self.asked.deadline = config or self.asked.config, deadline
        await self._edit(make_endpoint(self.asked.config, self.host, deadline))

    async def until_begun(self) -> None:
        """Waits until the endpoint says that an update runs, and a pod of it has been seen."""
        edited = self.edits[-1]
        await self.sight.until(lambda: self.status_now.status.update is not None, "an update runs")
        await self.sight.until(lambda: any(pod.seen > edited for pod in self.sight.pods.values()), "a new pod is seen")

    async def until_failed(self) -> None:
        """Waits until the endpoint says that its update has failed."""
        await self.sight.until(
            lambda: condition_of(self.status_now.status.conditions, "UpdateSucceeded") == "False",
            "the update has failed",
        )

    async def until_settled(self) -> None:
        """Waits until endpoint and templates say that all is as asked, and no pod that is not asked for is left."""
        await self.sight.until(self._is_rolled_out, "all is as asked")
        await self.sight.until(self._is_tidy, "old pods are gone")

    def _is_rolled_out(self) -> bool:
        endpoint = self.sight.endpoint
        if endpoint is None or condition_of(endpoint.status.conditions, "Ready") != "True":
            return False
        observed = endpoint.status.observed_generation == endpoint.metadata.generation
        wanted = [(kinds.CONFIG.name, self.asked.config)]
        wanted += [(kinds.MODEL.name, variant.model) for variant in self.asked.variants.values()]
        return observed and endpoint.status.update is None and all(self._tells(key) for key in wanted)

    def _tells(self, key: tuple[str, str]) -> bool:
        template = self.sight.templates.get(key)
        if template is None or self._generations.get(key) != template.metadata.generation:
            return False
        return any(
            c.type == "RolledOut" and c.status == "True" and c.observed_generation == template.metadata.generation
            for c in template.status.conditions
        )

    def _is_tidy(self) -> bool:
        wanted = {variant.instance: variant.desired_instances for variant in self.status_now.status.variants}
        pods = [pod for pod in self.sight.pods.values() if not pod.gone]
        ours = all(pod.instance in wanted and not pod.leaving and pod.ready for pod in pods)
        return ours and len(pods) == sum(wanted.values())

    async def _edit(self, manifest: Object) -> None:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        self.edits.append(time.monotonic())
        path = _KINDS[kind].path(self._namespace, name)
        written = await self.client.ask(
            "PATCH", f"{path}?fieldManager=bench&force=true", body=manifest, media="application/apply-patch+yaml"
        )
        generation: int = msgspec.json.decode(written)["metadata"]["generation"]
        self._generations[kind, name] = generation
