"""Index functions (client-go's ``IndexFunc``): the index keys of an entry. Pure functions of one entry."""

from collections.abc import Iterator

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.core.capture import sink_of, sinks
from mlendpoints.core.manifests.storage import source_claim
from mlendpoints.core.world import Child, PodFacts, Ref
from mlendpoints.edge.observe.projections import Entry, Instance, Route, Volume
from mlendpoints.edge.observe.slices import Backends

IndexKey = tuple[str, ...]


def by_uid(namespace: str, uid: str) -> IndexKey:
    """An endpoint, an MLModel or an instance, by its own uid."""
    return ("uid", namespace, uid)


def by_controller(namespace: str, uid: str) -> IndexKey:
    """Objects with this controller, in its namespace only: owners cannot be elsewhere."""
    return ("controller", namespace, uid)


def by_orphan(root: Ref) -> IndexKey:
    """Orphans: created for an endpoint or MLModel of this name, without an owner."""
    return ("orphan", root.kind, root.namespace, root.name)


def by_config(namespace: str, name: str) -> IndexKey:
    """The endpoints that refer to a config."""
    return ("config", namespace, name)


def by_model(namespace: str, name: str) -> IndexKey:
    """The config templates that refer to a model."""
    return ("model", namespace, name)


def by_source(namespace: str, claim: str) -> IndexKey:
    """The models and MLModels whose artifact lies on a claim."""
    return ("source", namespace, claim)


def by_instance(namespace: str, name: str) -> IndexKey:
    """The pods and volumes of a model instance, the pods of an MLModel, those of a download."""
    return ("instance", namespace, name)


def by_service(namespace: str, name: str) -> IndexKey:
    """The slices of a Service."""
    return ("service", namespace, name)


def index_keys(entry: Entry) -> Iterator[IndexKey]:
    """All index keys of one entry."""
    ref = entry.ref
    match entry.facts:
        case Endpoint(spec=spec):
            yield by_uid(ref.namespace, entry.uid)
            yield by_config(ref.namespace, spec.config)
        case EndpointConfig(spec=config):
            yield from {by_model(ref.namespace, variant.model) for variant in config.models}
            yield from _sources(ref.namespace, *sinks(config))
        case Instance(child=child):
            yield by_uid(ref.namespace, entry.uid)
            yield from _keys_of_child(child)
        case MLModel(spec=spec):
            yield by_uid(ref.namespace, entry.uid)
            yield from _sources(ref.namespace, spec.artifact, sink_of(spec))
        case Model(spec=spec):
            yield from _sources(ref.namespace, spec.artifact)
        case _:
            yield from _keys_of_others(entry)


def _sources(namespace: str, *urls: str) -> Iterator[IndexKey]:
    """By the claims that are read or written."""
    yield from {by_source(namespace, claim) for url in urls if (claim := source_claim(url))}


def _keys_of_others(entry: Entry) -> Iterator[IndexKey]:
    ref = entry.ref
    match entry.facts:
        case (Child() as child) | Route(child=Child() as child):
            yield from _keys_of_child(child)
        case Volume(namespace=namespace, instance=instance):
            yield by_instance(namespace, instance)
        case Route():
            pass
        case PodFacts(instance=instance):
            yield by_instance(ref.namespace, instance)
        case Backends(service=service):
            yield by_service(ref.namespace, service)
        case _:
            yield (ref.kind,)


def _keys_of_child(child: Child) -> Iterator[IndexKey]:
    yield by_controller(child.ref.namespace, child.controller)
    if child.orphan_of is not None:
        yield by_orphan(child.orphan_of)
