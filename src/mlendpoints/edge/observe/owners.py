"""Enqueue mapping (controller-runtime's event handlers): from a changed object, by owners and references, to keys."""

from collections.abc import Iterator

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.core.world import Child, PodFacts, Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.indexers import by_source
from mlendpoints.edge.observe.projections import Entry, Instance, Route, Volume
from mlendpoints.edge.observe.slices import Backends


def keys_for(cache: Cache, entry: Entry) -> set[Ref]:
    """The endpoints, MLModels and templates whose plan may change with this entry."""
    return {key for key in _keys(cache, entry) if key is not None}


def _keys(cache: Cache, entry: Entry) -> Iterator[Ref | None]:
    ref = entry.ref
    match entry.facts:
        case Endpoint(spec=spec):
            yield ref
            yield from _templates(cache, Ref(kinds.CONFIG.name, ref.namespace, spec.config))
        case EndpointConfig(spec=config):
            yield from (ref, *cache.users(ref))
            yield from (Ref(kinds.MODEL.name, ref.namespace, variant.model) for variant in config.models)
        case Model():
            yield from (ref, *cache.users(ref))
        case MLModel():
            yield ref
        case Instance(child=child) | Route(child=Child() as child) | (Child() as child):
            yield cache.root(ref.namespace, child.controller) if child.controller else child.orphan_of
            yield from _of_source(cache, ref)
        case Volume(namespace=namespace, instance=instance):
            yield _of_instance(cache, namespace, instance)
        case PodFacts(instance=instance):
            yield _of_instance(cache, ref.namespace, instance)
            yield from _of_mlmodel(cache, ref.namespace, instance)
        case Backends(service=service):
            yield _of_service(cache, Ref(kinds.SERVICE.name, ref.namespace, service))
        case _:
            pass


def _templates(cache: Cache, config: Ref) -> Iterator[Ref]:
    yield config
    template = cache.template(config)
    if isinstance(template, EndpointConfig):
        yield from (Ref(kinds.MODEL.name, config.namespace, variant.model) for variant in template.spec.models)


def _of_source(cache: Cache, child: Ref) -> Iterator[Ref]:
    """Keys whose artifact is on this claim: an error while the operator owns the claim."""
    if child.kind == kinds.CLAIM.name:
        for entry in cache.indexed(by_source(child.namespace, child.name)):
            yield from keys_for(cache, entry)


def _of_instance(cache: Cache, namespace: str, name: str) -> Ref | None:
    entry = cache.entry(Ref(kinds.MODEL.name, namespace, name))
    return cache.root(namespace, entry.uid) if entry else None


def _of_mlmodel(cache: Cache, namespace: str, instance: str) -> Iterator[Ref]:
    """MLModels whose serving or download pods have this instance label; others may have the same name."""
    model, job = (cache.entry(Ref(kind.name, namespace, instance)) for kind in (kinds.MLMODEL, kinds.JOB))
    if model is not None:
        yield model.ref
    if job is not None and isinstance(job.facts, Child) and (owner := cache.root(namespace, job.facts.controller)):
        yield owner


def _of_service(cache: Cache, service: Ref) -> Ref | None:
    entry = cache.entry(service)
    return cache.root(service.namespace, entry.facts.controller) if entry and isinstance(entry.facts, Child) else None
