"""How an endpoint leaves: routes first, seen gone on every gateway pod, then its pods, its Gateway, the finalizer.

VirtualService and Gateway are deleted even where they have lost their owner:
``kubectl delete --cascade=orphan`` keeps instances and pods, but no routes.
"""

from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import make_conditions
from mlendpoints.core.endpoint.listeners import asked_door
from mlendpoints.core.endpoint.prune import endpoint_strays, releases, retire
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding
from mlendpoints.core.hosts import host_of
from mlendpoints.core.plan import Plan
from mlendpoints.core.times import seconds
from mlendpoints.core.world import Child, Probe, Ref, World

# Seconds after which the routes count as gone although a gateway pod says otherwise:
# somebody else may answer for the host.
PATIENCE = 60.0


def plan_deletion(world: World) -> Plan:
    """One step of the way out."""
    if labels.ROUTES_FINALIZER not in world.endpoint.metadata.finalizers:
        return Plan()
    view = View(world=world, resolved=_leaving("The endpoint is being deleted."), target=None)
    routes, copies = _named_like_it(world, "VirtualService"), _copied_routes(view)
    if routes is not None or copies:
        return _told(view, Plan(prune=(*_undeleted(routes), *copies), guard=routes), "Taking the routes away.")
    if not _seen_gone(view):
        waiting = _asking(world)
        return _told(view, waiting, "Waiting until no gateway pod routes to it.")
    leaving = tuple(child for name in sorted(world.model_instances) for child in retire(view, name))
    if world.model_instances:
        going = Plan(writes=tuple(releases(view)), prune=leaving, probes=(_gone(world),))
        return _told(view, going, "Waiting until its pods have finished.")
    return Plan(prune=_undeleted(_named_like_it(world, "Gateway")), finalizer=False)


def _named_like_it(world: World, kind: str) -> Child | None:
    """The object of this kind that routes its callers, whether or not it still has its owner."""
    ref = Ref(kind, world.endpoint.metadata.namespace, world.endpoint.metadata.name)
    return world.children.get(ref) or next((orphan for orphan in world.orphans if orphan.ref == ref), None)


def _copied_routes(view: View) -> tuple[Child, ...]:
    """VirtualServices of other names that it owns: they would lead callers to pods that are leaving."""
    return tuple(child for child in endpoint_strays(view) if child.ref.kind == "VirtualService")


def _undeleted(child: Child | None) -> tuple[Child, ...]:
    return () if child is None or child.deleting else (child,)


def _asking(world: World) -> Plan:
    if world.settings.proof == "timed":
        return Plan(recheck=min(_timed_proof_at(world), _patience_ends(world)))
    return Plan(probes=(_gone(world),), recheck=_patience_ends(world))


def _timed_proof_at(world: World) -> float:
    return world.routes_since + world.settings.proof_seconds


def _gone(world: World) -> Probe:
    host, tls = host_of(world.endpoint, world.settings), world.endpoint.spec.tls
    return Probe(host=host, path=labels.ROUTE_PATH, status=404, tls=tls, revision="gone")


def _seen_gone(view: View) -> bool:
    """Where nothing stands, nothing can be lost. That the status names no traffic proves nothing: it may lag."""
    world = view.world
    if not world.model_instances or world.now >= _patience_ends(world):
        return True
    if world.settings.proof == "timed":
        return world.now >= _timed_proof_at(world)
    return not _other_doors(view) and not view.lagging(_gone(world))


def _other_doors(view: View) -> bool:
    """Callers come in where nobody asks: the endpoint was deleted during a change of its door. Only time tells then."""
    asked = asked_door(view.world.endpoint, view.world.settings)
    return any(asked is None or door.port != asked.port for door in view.doors)


def _deleted_at(world: World) -> float:
    return seconds(world.endpoint.metadata.deletion_timestamp or "")


def _patience_ends(world: World) -> float:
    """An operator that was away when the endpoint was deleted has taken its routes only now."""
    return max(_deleted_at(world), world.routes_since) + PATIENCE


def _leaving(message: str) -> Finding:
    return Finding.no(Reason.DELETING, message)


def _told(view: View, plan: Plan, message: str) -> Plan:
    endpoint = view.world.endpoint
    status = replace(
        endpoint.status,
        observed_generation=endpoint.metadata.generation,
        state="Deleting",
        update=None,
        conditions=make_conditions(
            {
                ConditionType.AVAILABLE: _leaving(message),
                ConditionType.READY: _leaving(message),
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
