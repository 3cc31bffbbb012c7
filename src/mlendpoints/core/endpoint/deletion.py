"""Deletion: routes first, until proven gone on every gateway pod, then the pods, the Gateway, the finalizer.

VirtualService and Gateway are deleted even if they have lost their owner:
``kubectl delete --cascade=orphan`` keeps instances and pods, but no routes.
"""

from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import make_conditions
from mlendpoints.core.endpoint.listeners import requested_listener
from mlendpoints.core.endpoint.prune import endpoint_strays, prune_instance, releases
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding
from mlendpoints.core.hosts import host_of
from mlendpoints.core.plan import Plan
from mlendpoints.core.times import seconds
from mlendpoints.core.world import Child, Probe, Ref, World

# Seconds after which the routes count as gone although a gateway pod still answers:
# another route may answer for the host.
TIMEOUT = 60.0


def plan_deletion(world: World) -> Plan:
    """The next step of the deletion."""
    if labels.ROUTES_FINALIZER not in world.endpoint.metadata.finalizers:
        return Plan()
    view = View(world=world, resolved=_deleting("The endpoint is being deleted."), target=None)
    routes, copies = _named_like_it(world, "VirtualService"), _copied_routes(view)
    if routes is not None or copies:
        return _with_status(
            view, Plan(prune=(*_deletable(routes), *copies), precondition=routes), "Removing the routes."
        )
    if not _routes_are_gone(view):
        waiting = _wait_for_proof(world)
        return _with_status(view, waiting, "Waiting until no gateway pod serves its routes.")
    leaving = tuple(child for name in sorted(world.model_instances) for child in prune_instance(view, name))
    if world.model_instances:
        going = Plan(writes=tuple(releases(view)), prune=leaving, probes=(_gone_probe(world),))
        return _with_status(view, going, "Waiting for its pods to drain.")
    return Plan(prune=_deletable(_named_like_it(world, "Gateway")), finalizer=False)


def _named_like_it(world: World, kind: str) -> Child | None:
    """The endpoint's object of this kind, whether or not it still has its owner."""
    ref = Ref(kind, world.endpoint.metadata.namespace, world.endpoint.metadata.name)
    return world.children.get(ref) or next((orphan for orphan in world.orphans if orphan.ref == ref), None)


def _copied_routes(view: View) -> tuple[Child, ...]:
    """VirtualServices of other names that it owns: they would lead callers to pods that are leaving."""
    return tuple(child for child in endpoint_strays(view) if child.ref.kind == "VirtualService")


def _deletable(child: Child | None) -> tuple[Child, ...]:
    return () if child is None or child.deleting else (child,)


def _wait_for_proof(world: World) -> Plan:
    if world.settings.proof == "timed":
        return Plan(recheck=min(_timed_proof_at(world), _deadline(world)))
    return Plan(probes=(_gone_probe(world),), recheck=_deadline(world))


def _timed_proof_at(world: World) -> float:
    return world.routes_since + world.settings.proof_seconds


def _gone_probe(world: World) -> Probe:
    host, tls = host_of(world.endpoint, world.settings), world.endpoint.spec.tls
    return Probe(host=host, path=labels.ROUTE_PATH, status=404, tls=tls, revision="gone")


def _routes_are_gone(view: View) -> bool:
    """Without instances no request can be lost. A status without traffic proves nothing: it may be stale."""
    world = view.world
    if not world.model_instances or world.now >= _deadline(world):
        return True
    if world.settings.proof == "timed":
        return world.now >= _timed_proof_at(world)
    return not _other_listeners(view) and not view.pending_gateways(_gone_probe(world))


def _other_listeners(view: View) -> bool:
    """Whether a listener is open that is not probed: deleted during a change of listener, only time proves it."""
    requested = requested_listener(view.world.endpoint, view.world.settings)
    return any(requested is None or listener.port != requested.port for listener in view.listeners)


def _deleted_at(world: World) -> float:
    return seconds(world.endpoint.metadata.deletion_timestamp or "")


def _deadline(world: World) -> float:
    """Counted from the removal of the routes, which may come late: the operator may have been down."""
    return max(_deleted_at(world), world.routes_since) + TIMEOUT


def _deleting(message: str) -> Finding:
    return Finding.no(Reason.DELETING, message)


def _with_status(view: View, plan: Plan, message: str) -> Plan:
    endpoint = view.world.endpoint
    status = replace(
        endpoint.status,
        observed_generation=endpoint.metadata.generation,
        state="Deleting",
        update=None,
        conditions=make_conditions(
            {
                ConditionType.AVAILABLE: _deleting(message),
                ConditionType.READY: _deleting(message),
                ConditionType.RECONCILING: Finding.yes(Reason.DELETING, message),
            },
            before=endpoint.status.conditions,
            generation=endpoint.metadata.generation,
            now=view.world.now,
        ),
    )
    return replace(plan, status=_changed(endpoint.status, status))


def _changed(before: EndpointStatus, after: EndpointStatus) -> EndpointStatus | None:
    return None if before == after else after
