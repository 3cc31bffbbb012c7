"""Whatever the waypoints, an update passes through each in order, or returns to what served before it."""

from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.core.endpoint.waypoints import Course, Waypoint, instances_of, needed_instances, next_leg
from mlendpoints.core.world import Destination

DESTINATIONS = st.builds(
    Destination,
    variant=st.sampled_from(["blue", "green"]),
    instance=st.sampled_from([f"titanic-rfc-{n}" for n in range(5)]),
    weight=st.integers(0, 3),
)
SETS: st.SearchStrategy[Waypoint] = st.lists(DESTINATIONS, min_size=1, max_size=3, unique=True).map(
    lambda destinations: tuple(sorted(destinations))
)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """One to four different waypoints, from what serves, or from nothing."""
    origin, *waypoints = draw(st.lists(SETS, min_size=2, max_size=5, unique=True))
    return Course(origin=draw(st.sampled_from([origin, ()])), waypoints=tuple(waypoints))


def proven_way(course: Course, live: Waypoint) -> list[Waypoint]:
    """What is live, one after the other, if every proof succeeds."""
    way = [live]
    while (following := next_leg(course, way[-1], proven=True, failed=False).to) != way[-1]:
        way.append(following)
    return way


@given(course=courses())
def test_every_waypoint_is_passed_in_order_and_the_last_is_the_end(course: Course) -> None:
    assert proven_way(course, course.origin) == [course.origin, *course.waypoints]


@given(course=courses(), live=SETS)
def test_routes_that_are_no_waypoint_are_before_the_first(course: Course, live: Waypoint) -> None:
    passed = proven_way(course, live)

    assert passed[1:] == list(course.waypoints[course.position(live) :])
    assert live in course.waypoints or passed[1:] == list(course.waypoints)


@given(course=courses())
def test_the_live_routes_alone_say_where_an_update_is(course: Course) -> None:
    assert [course.position(waypoint) for waypoint in course.waypoints] == list(range(1, len(course.waypoints) + 1))
    assert course.position(course.origin) == 0
    assert [course.is_complete(waypoint) for waypoint in course.waypoints].count(True) == 1
    assert course.is_complete(course.waypoints[-1])


@given(course=courses())
def test_no_waypoint_is_left_before_it_is_proven(course: Course) -> None:
    for waypoint in course.waypoints:
        assert next_leg(course, waypoint, proven=False, failed=False).to == waypoint


@given(course=courses(), live=SETS, proven=st.booleans())
def test_a_leg_names_what_remains_after_it(course: Course, live: Waypoint, *, proven: bool) -> None:
    leg = next_leg(course, live, proven=proven, failed=False)

    assert leg.after == course.ahead(leg.to)
    assert next_leg(course, leg.to, proven=False, failed=False) == leg


@given(course=courses(), live=SETS, proven=st.booleans())
def test_a_failure_leads_back_to_what_served_before_and_ends_there(
    course: Course, live: Waypoint, *, proven: bool
) -> None:
    returned = next_leg(course, live, proven=proven, failed=True)

    assert returned.waypoints == (course.origin or live,)
    assert next_leg(course, returned.to, proven=True, failed=True) == returned


@given(live=SETS)
def test_without_a_target_the_routes_stay(live: Waypoint) -> None:
    assert next_leg(Course(origin=live), live, proven=True, failed=False).waypoints == (live,)


@given(edits=st.lists(courses(), min_size=1, max_size=4), looks=st.lists(st.booleans(), max_size=12), live=SETS)
def test_what_may_still_get_traffic_is_needed_whatever_is_edited(
    edits: list[Course], looks: list[bool], live: Waypoint
) -> None:
    """All edits are of one running update: what served before it began stays the same."""
    origin = live
    for number, edit in enumerate(edits):
        course = Course(origin=origin, waypoints=tuple(w for w in edit.waypoints if w != origin) or (origin,))
        for proven in looks[number::4]:
            possible = [next_leg(course, live, proven=p, failed=f) for p in (True, False) for f in (True, False)]
            needed = needed_instances(course, live, pursued=True)
            if not course.is_complete(live):
                assert instances_of(waypoint for leg in possible for waypoint in leg.waypoints) <= needed
            assert instances_of([live]) <= needed
            assert needed_instances(course, live, pursued=False) == instances_of([live, origin])
            live = next_leg(course, live, proven=proven, failed=False).to


@given(course=courses())
def test_at_the_last_waypoint_only_its_own_instances_are_needed(course: Course) -> None:
    last = course.waypoints[-1]

    assert needed_instances(course, last, pursued=True) == instances_of([last])
