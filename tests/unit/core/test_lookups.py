"""Events are read of what is not ready and of what is rejected, and what they say is newer than a condition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.core.lookups import lookups, with_events
from mlendpoints.core.world import Child, ContainerFacts, Lookup, MLModelWorld, PodFacts, Ref, WarningEvent
from tests.kit import builders
from tests.unit.core.reasons.test_pods import BEHIND_IT, RUNNING, UNPULLABLE, a_pod

DEPLOYMENT = Child(ref=Ref("Deployment", "ns", "ep-1"), uid="u", resource_version="1", manifest_hash="h")
WORLD = MLModelWorld(now=0.0, settings=builders.some_settings(), model=builders.an_mlmodel())
REJECTED = replace(DEPLOYMENT, failure="minimum cpu usage per Container is 15m", failed_at=100.0)


@pytest.mark.parametrize(
    ("pod", "number"),
    [
        (a_pod(RUNNING, BEHIND_IT), 1),
        (a_pod(replace(RUNNING, waiting_reason="CrashLoopBackOff"), BEHIND_IT), 1),
        (a_pod(UNPULLABLE), 0),
        (a_pod(ContainerFacts(name="model-init")), 0),
        (a_pod(RUNNING, deleting=True), 0),
        (replace(a_pod(), pending_mounts=("Secret reader",)), 1),
        (replace(a_pod(deleting=True), pending_mounts=("Secret reader",)), 0),
        (replace(a_pod(RUNNING), ready=True), 0),
        (replace(a_pod(RUNNING), has_ended=True), 0),
    ],
)
def test_only_pods_that_a_probe_or_a_volume_may_hold_back_are_looked_up(pod: PodFacts, number: int) -> None:
    assert len(lookups("ns", [pod], ())) == number


def test_few_pods_and_few_deployments_are_looked_up_at_a_time() -> None:
    pods = [replace(a_pod(RUNNING), name=f"p{n}") for n in range(9)]
    deployments = [replace(REJECTED, ref=Ref("Deployment", "ns", f"ep-{n}")) for n in range(9)]

    found = lookups("ns", pods, deployments)

    assert [each.ref.name for each in found] == ["p0", "p1", "p2", "ep-0", "ep-1", "ep-2"]


def test_a_deployment_is_looked_up_while_its_pods_are_rejected_and_anew_once_it_was_written_otherwise() -> None:
    assert lookups("ns", (), [DEPLOYMENT]) == ()
    assert lookups("ns", (), [REJECTED]) == (Lookup(REJECTED.ref, "h"),)
    assert lookups("ns", (), [replace(REJECTED, manifest_hash="i")]) == (Lookup(REJECTED.ref, "i"),)


@pytest.mark.parametrize(
    ("at", "told"), [(99.0, REJECTED.failure), (100.0, REJECTED.failure), (101.0, "exceeded quota: small")]
)
def test_an_event_of_after_the_condition_tells_why_pods_are_rejected_now(at: float, told: str) -> None:
    said = {Lookup(REJECTED.ref, "h"): (WarningEvent(message="exceeded quota: small", at=at),)}

    seen = with_events("ns", replace(WORLD, children={REJECTED.ref: REJECTED}), said)

    assert seen.children[REJECTED.ref].failure == told


def test_what_was_said_of_a_deployment_whose_pods_are_admitted_changes_nothing() -> None:
    before = replace(WORLD, children={DEPLOYMENT.ref: DEPLOYMENT})

    assert with_events("ns", before, {Lookup(DEPLOYMENT.ref, "h"): (WarningEvent(message="x", at=1.0),)}) == before


@given(message=st.text(), revision=st.text())
def test_events_of_something_else_change_nothing(message: str, revision: str) -> None:
    before = replace(WORLD, children={REJECTED.ref: REJECTED}, pods=(a_pod(RUNNING),))
    said = {Lookup(REJECTED.ref, f"another {revision}"): (WarningEvent(message=message, at=1e9),)}

    assert with_events("ns", before, said) == before


def test_a_pods_events_are_given_to_that_pod() -> None:
    warning = WarningEvent(container="model", message="connection refused", at=1.0)

    seen = with_events("ns", replace(WORLD, pods=(a_pod(RUNNING),)), {Lookup(Ref("Pod", "ns", "p")): (warning,)})

    assert seen.pods[0].warnings == (warning,)
