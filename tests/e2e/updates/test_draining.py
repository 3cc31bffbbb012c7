"""Requests in flight finish, whatever happens to the version that answers them, and however they are answered.

They take ``E2E_INVOCATION_SECONDS``, 30 by default; the longest that is promised is 60.
"""

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest
from msgspec import Struct

from mlendpoints.edge.kube.kinds import DEPLOYMENT, ENDPOINT, MODEL, SERVICE
from tests.e2e.namespace import kubectl
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import Trial, a_trial, in_flight, lost_of
from tests.kit.waiting import wait_until

SECONDS = int(os.environ.get("E2E_INVOCATION_SECONDS") or 30)
PIECES = 10
WHOLE = json.dumps({"seconds": SECONDS})
STREAM = json.dumps({"seconds": SECONDS, "pieces": PIECES})
CALLS = [WHOLE, WHOLE, STREAM, STREAM] * 2  # half of each through each gateway pod


Begin = Callable[[], object]  # whereupon pods leave at once


def swap(trial: Trial) -> Begin:
    known, hold = trial.instances(), ExitStack()
    trial.set_model("blue", answer="new")
    newcomer = trial.newcomer(known)
    hold.enter_context(trial.hidden(newcomer))
    trial.until_pods_are_ready(newcomer)
    return hold.close


def scale_down(trial: Trial) -> Begin:
    return partial(trial.namespace.edit, MODEL, trial.instance("blue"), {"replicas": 1})


def drop_all_pods(trial: Trial) -> Begin:
    return partial(trial.set_config, {"blue": (0, 0), "green": (1, 1)})


def delete(trial: Trial) -> Begin:
    return partial(trial.namespace.delete, ENDPOINT, trial.name)


def delete_in_the_foreground(trial: Trial) -> Begin:
    options = ("--cascade=foreground", "--wait=false")
    return partial(kubectl, "--namespace", trial.namespace.name, "delete", "mle", trial.name, *options)


class Leaving(Struct, frozen=True, kw_only=True):
    """How pods come to leave, and how many of two stay."""

    name: str
    prepare: Callable[[Trial], Begin]
    stay: int = 0


WAYS = (
    Leaving(name="swapped", prepare=swap),
    Leaving(name="scaled-down", prepare=scale_down, stay=1),
    Leaving(name="vacant", prepare=drop_all_pods),
    Leaving(name="deleted", prepare=delete),
    Leaving(name="deleted-foreground", prepare=delete_in_the_foreground),
)


@pytest.mark.side_by_side
@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_requests_in_flight_are_answered_in_whole_by_pods_that_leave(rig: Rig, way: Leaving) -> None:
    with a_trial(rig.namespace, way.name) as trial:
        trial.make({"blue": (1, 2), "green": (0, 1)})
        old = trial.instance("blue")
        begin = way.prepare(trial)
        with rig.no_lag(), in_flight(rig.gateways, trial.host, CALLS) as calls:
            trial.until_at_work(old, calls)
            begin()
            trial.until_leaving(old)
            assert not any(call.done() for call in calls), "too late: the pods leave when nobody waits any more"
        assert lost_of(calls) == []
        assert {call.result().text for call in calls} == {"blue", "blue" * PIECES}
        wait_until(lambda: len(trial.pods(old)) == way.stay, "the others are gone")


@pytest.mark.side_by_side
def test_a_service_outlives_the_pods_of_an_old_version(rig: Rig) -> None:
    with a_trial(rig.namespace, "outlived") as trial:
        trial.make({"blue": (1, 1)})
        old = trial.instance("blue")
        begin = swap(trial)
        with rig.no_lag(), in_flight(rig.gateways, trial.host, [WHOLE]) as calls:
            trial.until_at_work(old, calls)
            begin()
            trial.until_leaving(old)
            wait_until(lambda: trial.namespace.find(DEPLOYMENT, old) is None, "its Deployment is gone")
            wait_until(lambda: is_outlived(trial, old), "its pods are gone")
        assert lost_of(calls) == []
        trial.namespace.until_gone(SERVICE, old)
        trial.namespace.until_gone(MODEL, old)


def is_outlived(trial: Trial, old: str) -> bool:
    """Whether its pods are gone; while they are not, it must have its Service."""
    service = trial.namespace.find(SERVICE, old)
    pods = trial.pods(old)
    assert service is not None or not pods, "the Service went before the pods"
    return not pods


@pytest.mark.side_by_side
def test_pieces_of_a_stream_arrive_as_they_are_made(rig: Rig) -> None:
    with a_trial(rig.namespace, "streaming") as trial:
        trial.make({"blue": (1, 1)})
        with rig.gateways[0].stream(trial.host, body=json.dumps({"seconds": 4, "pieces": 4})) as response:
            pieces = response.iter_raw()
            first = next(pieces)
            trial.namespace.delete(ENDPOINT, trial.name)
            rest = list(pieces)
        assert rest, "all came at once"
        assert b"".join([first, *rest]) == b"blue" * 4
