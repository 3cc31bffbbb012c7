"""Updates that pass through several waypoints: the traffic moves in shares, as progressive delivery will move it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

from mlendpoints.core.endpoint.view import View
from mlendpoints.core.endpoint.waypoints import Course, Waypoint
from mlendpoints.core.world import Destination

SHARES = ((3, 1), (1, 1))  # of what served before, of what is requested


def course_through(origin: Waypoint, requested: Waypoint) -> Course:
    """The waypoints from what served before to what is requested."""
    mixes = (mixed(origin, requested, share) for share in SHARES) if origin not in {(), requested} else ()
    return Course(origin=origin, waypoints=(*mixes, requested))


def mixed(old: Waypoint, new: Waypoint, share: tuple[int, int]) -> Waypoint:
    """Both sets of destinations, each with its share of the traffic, in exact weights."""
    shares = [(old, share[0] * _total(new)), (new, share[1] * _total(old))]
    found = {(d.variant, d.instance): _both(d, shares) for waypoint in (old, new) for d in waypoint}
    return tuple(sorted(found.values()))


def _total(waypoint: Waypoint) -> int:
    return sum(destination.weight for destination in waypoint)


def _both(destination: Destination, shares: list[tuple[Waypoint, int]]) -> Destination:
    variant, instance = destination.variant, destination.instance
    parts = [
        (d, share) for waypoint, share in shares for d in waypoint if (d.variant, d.instance) == (variant, instance)
    ]
    weight = sum(share * part.weight for part, share in parts)
    return Destination(variant=variant, instance=instance, weight=weight, vacant=all(d.vacant for d, _ in parts))


def in_steps(*, stepwise: bool) -> AbstractContextManager[object]:
    """While it lasts, updates pass through these waypoints, if they are to."""
    return patch.object(View, "course", property(_course)) if stepwise else nullcontext()


def _course(view: View) -> Course:
    if view.target is None:
        return Course(origin=view.origin)
    return course_through(view.origin, view.target.destinations)


def wrong_step(course: Course, before: Waypoint, after: Waypoint) -> Iterator[str]:
    """Why routes may not follow each other on a course."""
    here, there = course.position(before), course.position(after)
    if after == course.origin and before != after:
        return
    if there != here + 1:
        yield f"the routes go from waypoint {here} to {there}"
