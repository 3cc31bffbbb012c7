"""What people may ask in the bounded world: a few edits of two models and of one config.

Two models (``a``, ``b``), two versions of ``a``, one image that never gets
ready, one reference to a model that does not exist. Every edit may follow
every other.
"""

from functools import lru_cache

from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.listeners import requested_listener
from mlendpoints.core.endpoint.resolve import Target, resolve
from mlendpoints.core.world import Listener, Settings, World
from tests.kit import builders

BAD_IMAGE = "registry.example.com/bad:1"
_SECOND_IMAGE = "registry.example.com/a:2"

Variant = dict[str, object]


class Ask(Struct, frozen=True, kw_only=True):
    """The templates as somebody left them."""

    variants: tuple[tuple[str, str, int, int], ...]  # name, model, weight, instances
    image: str = "registry.example.com/a:1"  # of model a
    attempt: str = ""
    tls: bool = False
    credential: bool = True  # whether the administrator has one for TLS


_SETTINGS = {
    known: builders.some_settings(tls_credentials={"example.com": "wildcard"} if known else {})
    for known in (True, False)
}
_SHARED = (("blue", "a", 9, 1), ("green", "b", 1, 1))

ASKS: dict[str, Ask] = {
    "shared": Ask(variants=_SHARED),
    "other weights": Ask(variants=(("blue", "a", 1, 1), ("green", "b", 3, 1))),
    "more pods": Ask(variants=(("blue", "a", 9, 2), ("green", "b", 1, 1))),
    "second version": Ask(variants=_SHARED, image=_SECOND_IMAGE),
    "swap": Ask(variants=(("blue", "b", 1, 1),)),
    "no pods for green": Ask(variants=(("blue", "a", 1, 1), ("green", "b", 0, 0))),
    "bad image": Ask(variants=_SHARED, image=BAD_IMAGE),
    "another attempt": Ask(variants=_SHARED, image=BAD_IMAGE, attempt="2"),
    "tls": Ask(variants=_SHARED, tls=True),
    "tls without a credential": Ask(variants=_SHARED, tls=True, credential=False),
    "missing model": Ask(variants=(("blue", "c", 1, 1),)),
}


def settings_of(name: str) -> Settings:
    """The administrator's choices."""
    return _SETTINGS[ASKS[name].credential]


@lru_cache
def config_of(name: str) -> EndpointConfig:
    """The config template."""
    fields = ("name", "model", "weight", "instances")
    return builders.a_config(*(dict(zip(fields, variant, strict=True)) for variant in ASKS[name].variants))


@lru_cache
def models_of(name: str) -> dict[str, Model]:
    """The model templates that exist among those that the config names."""
    models = {"a": builders.a_model("a", image=ASKS[name].image), "b": builders.a_model("b")}
    named = {variant[1] for variant in ASKS[name].variants}
    return {model: template for model, template in models.items() if model in named}


@lru_cache
def endpoint_spec(name: str, keep: int = 0) -> Endpoint:
    """The endpoint, without a status; ``keep``: how many earlier versions keep their instances."""
    return builders.an_endpoint(tls=ASKS[name].tls, update={"attempt": ASKS[name].attempt, "keepVersions": keep})


@lru_cache
def target_of(name: str) -> Target | None:
    """What the edit asks for; None where a reference is missing."""
    world = World(
        now=0.0,
        settings=settings_of(name),
        endpoint=endpoint_spec(name),
        config=config_of(name),
        models=models_of(name),
    )
    target = resolve(world)
    return target if isinstance(target, Target) else None


@lru_cache
def instances_with_bad_image() -> frozenset[str]:
    """Model instances whose pods never get ready."""
    targets = (target_of(name) for name, ask in ASKS.items() if ask.image == BAD_IMAGE)
    return frozenset(
        variant.instance for target in targets if target for variant in target.variants if _is_bad(variant.template)
    )


@lru_cache
def listener_of(name: str) -> Listener | None:
    """Where the edit wants callers to come in; None where that cannot be opened."""
    return requested_listener(endpoint_spec(name), settings_of(name))


def _is_bad(template: Model) -> bool:
    return template.spec.image == BAD_IMAGE


def can_get_ready(name: str) -> bool:
    """Whether the edit asks for pods that can ever answer."""
    target = target_of(name)
    return target is not None and not target.instances & instances_with_bad_image()
