"""The rows of the lists, from objects. Pure; every text is limited in length."""

from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.client.explaining import explain
from mlendpoints.core.reasons.quoting import quoted

Root = Endpoint | MLModel
_WORDS = 100  # characters of what is one word in the objects of this release


class Row(Struct, frozen=True, kw_only=True, rename="camel"):
    """An endpoint or MLModel in its list."""

    id: str  # of its page: kind, namespace and name
    namespace: str
    name: str
    state: str
    mark: str  # ready, waits or failed
    sentence: str
    serves: str  # an endpoint's traffic, or an MLModel's pods
    created: str


class Place(Struct, frozen=True):
    """Where an object is: the kind as in URLs, namespace, name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


KINDS: dict[str, type[Endpoint] | type[MLModel]] = {"endpoints": Endpoint, "mlmodels": MLModel}


def place_of(obj: Root) -> Place:
    """Where the object is."""
    kind = "endpoints" if isinstance(obj, Endpoint) else "mlmodels"
    return Place(kind, obj.metadata.namespace, obj.metadata.name)


def make_row(obj: Root) -> Row:
    """The object's row."""
    found, place = explain(obj), place_of(obj)
    if isinstance(obj, Endpoint):
        state, serves = obj.status.state, obj.status.traffic.replace(",", ", ")
    else:
        state, serves = obj.status.phase, f"{obj.status.ready_replicas} of {obj.spec.replicas} pods"
    return Row(
        id=str(place),
        namespace=place.namespace,
        name=place.name,
        state=quoted(state, longest=_WORDS) or "Unknown",
        mark=mark_of(obj),
        sentence=quoted(found.sentence),
        serves=quoted(serves),
        created=obj.metadata.creation_timestamp,
    )


def mark_of(obj: Root) -> str:
    """Whether it is ready, waits for something that continues automatically, or has failed."""
    if explain(obj).is_ready:
        return "ready"
    failed = any(condition.type == "Ready" and condition.status == "False" for condition in obj.status.conditions)
    return "failed" if failed else "waits"
