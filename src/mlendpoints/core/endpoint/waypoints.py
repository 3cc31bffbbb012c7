"""Waypoints: the sets of destinations that an update passes through, in order.

A waypoint is a set of destinations with weights that has to be live, and proven
at every gateway pod, before the next. Waypoint 0, the origin, is what served
before the update began; the last is what the target requests. Today an update
has one: all traffic shifts at once.

The live routes alone say where an update is. Routes that are no waypoint, such
as those of an update that was superseded, are before the first.
"""

from collections.abc import Iterable

from msgspec import Struct

from mlendpoints.core.world import Destination

Waypoint = tuple[Destination, ...]


class Course(Struct, frozen=True):
    """The waypoints of an update. A set that occurs more than once counts as its last occurrence."""

    origin: Waypoint = ()  # waypoint 0; empty if it cannot be returned to
    waypoints: tuple[Waypoint, ...] = ()

    def position(self, live: Waypoint) -> int:
        """The number of the live waypoint, from 1; 0 before the first."""
        return max((number for number, waypoint in enumerate(self.waypoints, 1) if waypoint == live), default=0)

    def ahead(self, live: Waypoint) -> tuple[Waypoint, ...]:
        """The waypoints that remain, the next one first."""
        return self.waypoints[self.position(live) :]

    def is_complete(self, live: Waypoint) -> bool:
        """Whether the last waypoint is live."""
        return live in self.waypoints[-1:]


class Leg(Struct, frozen=True):
    """The waypoint that the routes head for, and those after it."""

    to: Waypoint
    after: tuple[Waypoint, ...] = ()

    @property
    def waypoints(self) -> tuple[Waypoint, ...]:
        """All of them, in order."""
        return (self.to, *self.after)


def next_leg(course: Course, live: Waypoint, *, proven: bool, failed: bool) -> Leg:
    """One waypoint further once the live one is proven; after a failure, back to waypoint 0."""
    if failed:
        return Leg(to=course.origin or live)
    if not course.waypoints:
        return Leg(to=live)
    here = course.position(live)
    number = here if here and not proven else min(here + 1, len(course.waypoints))
    return Leg(to=course.waypoints[number - 1], after=course.waypoints[number:])


def needed_instances(course: Course, live: Waypoint, *, pursued: bool) -> frozenset[str]:
    """The model instances of the live routes, of the waypoints that remain, and of waypoint 0.

    At the last waypoint, waypoint 0 is not among them: its instances are pruned once the status names the new version.
    """
    if pursued and course.is_complete(live):
        return instances_of([live])
    return instances_of([live, course.origin, *(course.ahead(live) if pursued else ())])


def instances_of(waypoints: Iterable[Waypoint]) -> frozenset[str]:
    """The model instances of all destinations."""
    return frozenset(destination.instance for waypoint in waypoints for destination in waypoint)
