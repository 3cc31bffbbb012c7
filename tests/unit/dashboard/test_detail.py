"""What pages show of objects, which tenants write."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.endpoint import Endpoint, EndpointStatus
from mlendpoints.core.endpoint.updates import Phase
from mlendpoints.dashboard.detail import MLMODEL_STEPS, UPDATE_STEPS, Known, Share, make_detail
from mlendpoints.dashboard.following import changed_rows
from mlendpoints.dashboard.rows import make_row
from tests.kit.builders import an_endpoint, an_mlmodel

LARGEST = 400_000  # bytes of a page, whatever a tenant writes


def with_status(**status: object) -> Endpoint:
    return msgspec.structs.replace(an_endpoint(), status=msgspec.convert(status, EndpointStatus))


def a_version(name: str, instance: str, *, current: int, desired: int) -> dict[str, object]:
    both = {"name": name, "model": "rfc", "instance": instance, "version": "a"}
    return both | {"currentWeight": current, "desiredWeight": desired}


def test_traffic_is_that_of_all_versions_of_a_variant_and_requested_is_what_the_config_says() -> None:
    versions = [
        a_version("blue", "rfc-a", current=60, desired=0),
        a_version("blue", "rfc-b", current=30, desired=90),
        a_version("green", "lr-a", current=10, desired=10),
    ]
    endpoint = with_status(variants=versions)
    blue, green = make_detail(endpoint, Known()).traffic
    assert blue == Share(variant="blue", in_force=90, requested=90)
    assert green == Share(variant="green", in_force=10, requested=10)
    found = make_detail(endpoint, Known(requested={"blue": 50, "red": 50})).traffic
    assert [(share.variant, share.requested) for share in found] == [("blue", 50), ("green", 0), ("red", 50)]


def test_every_phase_has_its_place_in_the_timeline() -> None:
    assert list(UPDATE_STEPS) == [str(phase) for phase in Phase]
    update = {"target": "b", "phase": "ProvingDestinations", "startTime": "2026-01-01T00:00:00Z"}
    found = make_detail(with_status(update=update), Known()).update
    assert found
    assert [step.state for step in found.steps] == ["done", "done", "now", "later", "later"]


def test_a_phase_that_only_another_release_knows_is_shown_alone() -> None:
    update = {"target": "b", "phase": "Rehearsing", "startTime": "2026-01-01T00:00:00Z"}
    found = make_detail(with_status(update=update), Known()).update
    assert found
    assert [(step.name, step.state) for step in found.steps] == [("Rehearsing", "now")]


def test_an_mlmodel_has_the_timeline_of_its_phases_until_it_is_ready() -> None:
    model = an_mlmodel()
    for phase in MLMODEL_STEPS:
        status = msgspec.structs.replace(model.status, phase=phase)
        found = make_detail(msgspec.structs.replace(model, status=status), Known()).update
        assert (found is None) == (phase == "Ready")


def test_a_condition_that_is_not_as_it_should_be_says_what_to_do() -> None:
    expected = {("Ready", "False"): "failed", ("Ready", "Unknown"): "waits", ("Ready", "True"): "ready"}
    expected |= {("Reconciling", "False"): "ready", ("Reconciling", "True"): "waits"}
    common = {"reason": "ImagePullFailed", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    conditions = [{"type": type_, "status": status} | common for type_, status in expected]
    found = make_detail(with_status(conditions=conditions), Known()).conditions
    assert {(each.type, each.status): each.mark for each in found} == expected
    assert all(bool(each.action) == (each.mark != "ready") for each in found)


@given(st.text(min_size=1))
def test_texts_are_in_one_line_and_limited_in_length(text: str) -> None:
    condition = {"type": "Ready", "status": "False", "reason": "X", "message": (text * 4096)[:4096]}
    condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    past = {"target": text, "outcome": text, "reason": text, "message": text * 3000, "startTime": "", "endTime": ""}
    endpoint = with_status(
        conditions=[condition] * 200, history=[past] * 10, state=text * 1000, traffic=text * 1000, url=text * 1000
    )
    content = msgspec.json.encode([make_row(endpoint), make_detail(endpoint, Known())])
    assert len(content) < LARGEST
    assert all(character.isprintable() for character in make_row(endpoint).serves)


def test_only_rows_that_differ_are_sent() -> None:
    one, other = make_row(an_endpoint("one")), make_row(an_endpoint("other"))
    shown = {one.id: one, other.id: other}
    edited = msgspec.structs.replace(one, state="Updating")
    assert changed_rows(shown, shown) == ([], [])
    assert changed_rows(shown, {one.id: edited}) == ([edited], [other.id])
