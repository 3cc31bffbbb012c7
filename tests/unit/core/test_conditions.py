from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import all_true, make_conditions, transitions
from mlendpoints.core.findings import Finding
from mlendpoints.core.plan import Event

RESOLVED = Finding.yes(Reason.RESOLVED, "resolved")
READY = Finding.yes(Reason.INSTANCES_READY, "ready")
PROVEN = Finding.yes(Reason.ROUTE_PROGRAMMED, "proven")
SUCCEEDED = Finding.yes(Reason.SUCCEEDED, "as asked")
UPDATING = Finding.wait(Reason.UPDATING, "updating")
WAITING = Finding.wait(Reason.WAITING, "waiting")
CRASHED = Finding.no(Reason.CRASH_LOOPING, "crashed")


def told(before: dict[ConditionType, Finding], after: dict[ConditionType, Finding]) -> list[tuple[str, str]]:
    old = make_conditions(before, before=(), generation=1, now=0.0)
    new = make_conditions(after, before=old, generation=1, now=1.0)
    return [(event.type, event.reason) for event in transitions(old, new)]


def of(resolved: Finding, models: Finding, routes: Finding, update: Finding) -> dict[ConditionType, Finding]:
    return {
        ConditionType.CONFIG_RESOLVED: resolved,
        ConditionType.MODELS_READY: models,
        ConditionType.ROUTES_PROGRAMMED: routes,
        ConditionType.UPDATE_SUCCEEDED: update,
    }


def test_a_new_endpoint_tells_that_it_is_being_made() -> None:
    assert told({}, of(RESOLVED, WAITING, WAITING, UPDATING)) == [("Normal", "Updating")]


def test_steps_of_an_update_are_reported_by_its_success_alone() -> None:
    begun = of(RESOLVED, WAITING, WAITING, UPDATING)
    ready = of(RESOLVED, READY, WAITING, UPDATING)
    proven = of(RESOLVED, READY, PROVEN, UPDATING)
    assert told(begun, ready) == []
    assert told(ready, proven) == []
    assert told(proven, of(RESOLVED, READY, PROVEN, SUCCEEDED)) == [("Normal", "Succeeded")]


def test_a_recovery_is_reported_also_while_an_update_runs() -> None:
    crashed = of(RESOLVED, CRASHED, WAITING, UPDATING)
    assert told(crashed, of(RESOLVED, READY, WAITING, UPDATING)) == [("Normal", "InstancesReady")]


def test_without_an_update_each_recovery_is_reported() -> None:
    lost = of(RESOLVED, WAITING, WAITING, SUCCEEDED)
    assert told(lost, of(RESOLVED, READY, PROVEN, SUCCEEDED)) == [
        ("Normal", "InstancesReady"),
        ("Normal", "RouteProgrammed"),
    ]


def test_an_update_that_succeeds_speaks_for_its_parts() -> None:
    begun = of(RESOLVED, WAITING, WAITING, UPDATING)
    assert told(begun, of(RESOLVED, READY, PROVEN, SUCCEEDED)) == [("Normal", "Succeeded")]


def test_a_success_hides_no_warning() -> None:
    begun = of(RESOLVED, READY, WAITING, UPDATING)
    assert told(begun, of(RESOLVED, CRASHED, PROVEN, SUCCEEDED)) == [
        ("Warning", "CrashLooping"),
        ("Normal", "Succeeded"),
    ]


def test_references_that_resolve_again_are_told() -> None:
    missing = Finding.no(Reason.REFERENCE_NOT_FOUND, "no config")
    lost = of(missing, READY, PROVEN, WAITING)
    assert told(of(RESOLVED, READY, PROVEN, SUCCEEDED), lost) == [("Warning", "ReferenceNotFound")]
    assert told(lost, of(RESOLVED, READY, PROVEN, UPDATING)) == [("Normal", "Resolved"), ("Normal", "Updating")]


def test_an_event_says_what_the_condition_says() -> None:
    old = make_conditions({}, before=(), generation=1, now=0.0)
    new = make_conditions({ConditionType.MODELS_READY: CRASHED}, before=old, generation=1, now=1.0)
    assert transitions(old, new) == (Event("Warning", "CrashLooping", "ModelsReady: crashed"),)


def test_ready_tells_what_somebody_has_to_mend_before_what_goes_on_by_itself() -> None:
    assert all_true(of(RESOLVED, WAITING, CRASHED, UPDATING), then="") == Finding.no(
        Reason.CRASH_LOOPING, "RoutesProgrammed: crashed"
    )
    assert all_true(of(RESOLVED, WAITING, PROVEN, UPDATING), then="") == Finding.wait(
        Reason.WAITING, "ModelsReady: waiting"
    )
    assert all_true(of(RESOLVED, READY, PROVEN, SUCCEEDED), then="done") == Finding.yes(Reason.AS_ASKED, "done")
