"""Mistakes put into the product for a while, to see that the model check finds them. Never part of it."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint import deletion, desired, plan, prune, rollout, scaling, status
from mlendpoints.core.endpoint.listeners import requested_listener
from mlendpoints.core.endpoint.prune import Stale
from mlendpoints.core.endpoint.rollout import Rollout
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.endpoint.waypoints import Course, Leg, Waypoint, instances_of, next_leg
from mlendpoints.core.findings import Finding
from mlendpoints.core.world import Child, Destination, Listener, Routes


class Bug(Struct, frozen=True):
    """A mistake: what stands in place of what."""

    what: str
    world: str  # a world in which it shows
    place: object
    name: str
    mistake: object
    unguarded: str = ""  # a second guard in the same place, which would hide the mistake

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """The mistake is there within this context."""
        with ExitStack() as mistakes:
            mistakes.enter_context(patch.object(self.place, self.name, self.mistake))
            if self.unguarded:
                mistakes.enter_context(patch.object(self.place, self.unguarded, _always))
            yield


def _no_new_instances(_view: View, _waypoints: object) -> tuple[str, ...]:
    return ()


def _written_is_proven(view: View, decided: Rollout) -> bool:
    return view.live is not None and view.live == decided.routes


def _late_at_once(_view: View) -> Finding:
    return Finding.no(Reason.DEADLINE_EXCEEDED, "Not ready within 600 s.")


def _the_asked_door(view: View, _decided: Rollout) -> tuple[Listener, ...]:
    listener = requested_listener(view.world.endpoint, view.world.settings)
    if listener is None:
        raise ValueError("no TLS credential")
    return (listener,)


def _always(*_arguments: object) -> bool:
    return True


def _requested_alone(requested: Listener, _existing: Iterable[Listener]) -> tuple[Listener, ...]:
    return (requested,)


_NO_LISTENER_HASH = property(lambda _view: "")


def _never(*_arguments: object) -> bool:
    return False


def _nothing(*_arguments: object) -> None:
    return None


def _the_routes(child: Child | None) -> tuple[Child, ...]:
    return (child,) if child is not None and child.ref.kind == "VirtualService" else ()


def _all_at_once(view: View, instance: str) -> tuple[Child, ...]:
    named = (child for ref, child in sorted(view.world.children.items()) if ref.name == instance)
    return tuple(child for child in named if child.ref.kind in {"Deployment", "MachineLearningModel"})


def _as_it_stands(_view: View, live: Routes) -> tuple[Destination, ...]:
    return live.destinations


def _live_and_ahead(course: Course, live: Waypoint, *, pursued: bool) -> frozenset[str]:
    return instances_of([live, *(course.ahead(live) if pursued else ())])


def _straight_on(course: Course, live: Waypoint, *, proven: bool, failed: bool) -> Leg:
    return next_leg(replace(course, waypoints=course.waypoints[-1:]), live, proven=proven, failed=failed)


def _as_if_proven(course: Course, live: Waypoint, *, proven: bool, failed: bool) -> Leg:  # noqa: ARG001 - its place
    return next_leg(course, live, proven=True, failed=failed)


def _even_while_absent(view: View, _decided: Rollout, stale: Stale) -> tuple[Child, ...]:
    return tuple(child for name in stale.model_instances for child in prune.prune_instance(view, name))


BUGS = {
    "no-pings": Bug("weights are written without pings proven", "update", rollout, "new_instances", _no_new_instances),
    "prune-unproven": Bug(
        "pods go without a proof", "update", prune, "routes_are_proven", _written_is_proven, "is_recorded"
    ),
    "services-first": Bug("a Service goes with its pods", "update", prune, "prune_instance", _all_at_once),
    "scale-unproven": Bug(
        "pods are taken without a proof", "update", scaling, "routes_are_proven", _written_is_proven, "is_recorded"
    ),
    "done-too-early": Bug("Ready is said without a proof", "update", status, "routes_are_proven", _written_is_proven),
    "failures-forgotten": Bug("a failed update begins again", "update", rollout, "_recorded_failure", _nothing),
    "pods-before-routes": Bug("a deletion does not ask the gateways", "update", deletion, "_routes_are_gone", _always),
    "gateway-left": Bug("the garbage collector is to take the Gateway", "update", deletion, "_deletable", _the_routes),
    "close-at-once": Bug(
        "a listener closes before another is proven", "update", desired, "listeners_beside", _requested_alone
    ),
    "listeners-unproven": Bug(
        "what is asked for is not part of the revision", "update", View, "listener_hash", _NO_LISTENER_HASH
    ),
    "dead-gateways": Bug("a gateway pod on a dead node is waited for", "dead gateway", View, "_is_gone", _never),
    "late-though-ready": Bug("a deadline passes whatever is ready", "update", rollout, "_late_proof", _late_at_once),
    "no-credential": Bug("TLS without a credential is no case", "update", desired, "open_listeners", _the_asked_door),
    "template-alone": Bug(
        "images of an earlier release stay where pods are built", "upgrade", desired, "fits", _always
    ),
    "prune-blindly": Bug("pods go whatever the routes say", "trouble", plan, "prune", _even_while_absent),
    "no-return": Bug("a failure leaves the routes as they are", "superseded", rollout, "_may_return", _never),
    "nothing-to-return-to": Bug(
        "what served before is pruned too early", "superseded", rollout, "needed_instances", _live_and_ahead
    ),
    "waypoint-skipped": Bug("the last waypoint comes first", "waypoints", rollout, "next_leg", _straight_on),
    "waypoint-unproven": Bug("a waypoint is not proven", "waypoints", rollout, "next_leg", _as_if_proven),
    "weights-by-hand": Bug("weights changed by hand are kept", "trouble", View, "_as_written", _as_it_stands),
}
