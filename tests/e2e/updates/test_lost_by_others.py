"""How others lost requests: each way is gone through by the true operator, and by one without the guard against it.

The true one loses nothing. The other one, seeded with that one fault (see
``tests.e2e.operator_without_guard``), does, which shows that the guard is needed and that the
test would see it missing. No request is ever repeated, by callers or gateways.
"""

import json
import re
from collections.abc import Callable
from time import monotonic

import pytest
from msgspec import Struct, field

from mlendpoints.edge.kube.kinds import ENDPOINT, MODEL, POD, VIRTUAL_SERVICE
from tests.e2e import operator_without_guard
from tests.e2e.load import Load
from tests.e2e.namespace import Namespace
from tests.e2e.updates.rig import DRAIN, Rig
from tests.e2e.updates.trial import Trial, Variants, a_trial, in_flight, lost_of, proxy_of
from tests.kit.waiting import wait_until

RATE = 20.0  # requests a second
WHILE = 40  # requests that are sent while something is as bad as can be
CALLERS = 12  # that call at the same moment, so that there are as many connections
TWO = {"blue": (1, 1), "green": (1, 1)}

UNKNOWN = r"^503$"  # no such cluster (Envoy's flag NC)
NOBODY = r"^503 no healthy upstream"  # (UH)
GONE = r"^503 upstream connect error"  # connection refused or reset (UF, UC)
NO_MODEL = r"^502 .*model server"  # said by the pod's own proxy

Live = Callable[[Rig, Trial, Load], list[str]]  # what else was lost, beside the load's


def swap(_rig: Rig, trial: Trial, _load: Load) -> list[str]:
    trial.swap("blue", answer="new", first="time.sleep(3)")
    return []


def swap_while_no_gateway_knows_the_new_version(_rig: Rig, trial: Trial, load: Load) -> list[str]:
    known = trial.instances()
    trial.set_model("blue", answer="new")
    newcomer = trial.newcomer(known)
    with trial.hidden(newcomer):
        trial.until_pods_are_ready(newcomer)
        load.until_more(WHILE)
    trial.until_ready()
    return []


def go_back_while_the_pods_scale_down(_rig: Rig, trial: Trial, _load: Load) -> list[str]:
    old = trial.instance("blue")
    trial.set_config({"green": (1, 1)})
    trial.until_leaving(old)
    trial.set_config(TWO)
    trial.until_ready()
    return []


def crash(_rig: Rig, trial: Trial, load: Load) -> list[str]:
    trial.set_model("blue", first="sys.exit('no weights')")
    trial.namespace.until_condition(trial.name, "ModelsReady", "False", reason="CrashLooping")
    load.until_more(WHILE)
    trial.set_model("blue")
    trial.until_ready()
    return []


def remove_a_variant_while_a_gateway_lags(rig: Rig, trial: Trial, load: Load) -> list[str]:
    blue = trial.instance("blue")
    with rig.lag():
        trial.set_config({"green": (1, 1)})
        wait_until(
            lambda: blue not in json.dumps(trial.namespace.get(VIRTUAL_SERVICE, trial.name)["spec"]),
            "routes are written",
        )
        load.until_more(6 * WHILE)
    trial.until_ready()
    return []


def scale_down_while_a_gateway_lags(rig: Rig, trial: Trial, load: Load) -> list[str]:
    blue = trial.instance("blue")
    with rig.lag():
        trial.namespace.edit(MODEL, blue, {"replicas": 1})
        trial.until_leaving(blue)
        load.until_more(WHILE)
    wait_until(lambda: len(trial.pods(blue)) == 1, "one pod is left")
    return []


def lose_a_pod_with_requests_in_flight(rig: Rig, trial: Trial, _load: Load) -> list[str]:
    blue = trial.instance("blue")
    with in_flight(rig.gateways, trial.host, [json.dumps({"seconds": DRAIN + 10})] * CALLERS) as calls:
        trial.until_at_work(blue, calls)
        busiest = max(trial.pods(blue), key=lambda pod: proxy_of(pod).writing)
        leaving = busiest["metadata"]["name"]
        trial.namespace.delete(POD, leaving)
        wait_until(lambda: trial.namespace.find(POD, leaving) is None, "the pod is gone")
    return lost_of(calls)


def call_again_after_a_rest(rig: Rig, trial: Trial, load: Load) -> list[str]:
    lost = call_at_the_same_moment(rig, trial)
    load.until_more(27)
    return lost + call_at_the_same_moment(rig, trial)


def rest(rig: Rig, trial: Trial, load: Load) -> list[str]:
    """Whether gateways give up idle connections (30 s) well before the proxy does (65 s)."""
    blue = trial.instance("blue")
    (pod,) = trial.pods(blue)
    few = proxy_of(pod).connections + CALLERS / 2
    with in_flight(rig.gateways[:1], trial.host, [json.dumps({"seconds": 5})] * CALLERS) as calls:
        trial.until_at_work(blue, calls)
        many = proxy_of(pod).connections
    assert many > few, f"{CALLERS} calls at the same moment have {many} connections"
    end = monotonic() + 50
    while (left := proxy_of(pod).connections) > few and monotonic() < end:
        load.until_more(1)
    late = [f"idle connections are left to the proxy to close: {left} of {many}"] if left > few else []
    return lost_of(calls) + late


def call_at_the_same_moment(rig: Rig, trial: Trial) -> list[str]:
    with in_flight(rig.gateways[:1], trial.host, [json.dumps({"seconds": 1})] * CALLERS) as calls:
        pass
    return lost_of(calls)


def shift_and_scale_step_by_step(_rig: Rig, trial: Trial, _load: Load) -> list[str]:
    for shares in ({"blue": (50, 1), "green": (50, 3)}, {"blue": (10, 1), "green": (90, 3)}):
        trial.set_config(shares)
        trial.until_ready()
    return []


class Row(Struct, frozen=True, kw_only=True):
    """One way to lose requests."""

    name: str  # of endpoints
    seed: Callable[[], None]  # takes the guard out
    live: Live
    shows: str  # what callers get then: a pattern for status and words
    variants: Variants = field(default_factory=lambda: {"blue": (1, 1)})
    first: str = ""  # of the model server's program
    rate: float = RATE


ROWS = (
    Row(
        name="unknown-destination",
        seed=operator_without_guard.believe_gateways,
        live=swap_while_no_gateway_knows_the_new_version,
        shows=UNKNOWN,
    ),
    Row(name="repointed-service", seed=operator_without_guard.repoint_services, live=swap, shows=NOBODY),
    Row(
        name="old-service-removed-early",
        seed=operator_without_guard.remove_before_the_shift,
        live=swap_while_no_gateway_knows_the_new_version,
        shows=UNKNOWN,
    ),
    Row(
        name="superseded-at-scale-down",
        seed=operator_without_guard.remember_readiness,
        live=go_back_while_the_pods_scale_down,
        shows=r"^503",
        variants=TWO,
    ),
    Row(name="empty-selector", seed=operator_without_guard.empty_selectors, live=crash, shows=NOBODY),
    Row(name="promoted-unready", seed=operator_without_guard.promote_early, live=swap, shows=NOBODY),
    Row(
        name="removed-unproven",
        seed=operator_without_guard.remove_before_the_proof,
        live=remove_a_variant_while_a_gateway_lags,
        shows=GONE,
        variants=TWO,
    ),
    Row(
        name="scaled-down-unheard",
        seed=operator_without_guard.leave_at_once,
        live=scale_down_while_a_gateway_lags,
        shows=GONE,
        variants={"blue": (1, 3)},
    ),
    Row(
        name="model-stops-first",
        seed=operator_without_guard.stop_the_model_first,
        live=lose_a_pod_with_requests_in_flight,
        shows=r"^502",
        variants={"blue": (1, 2)},
    ),
    Row(
        name="proxy-stops-fast",
        seed=operator_without_guard.stop_the_proxy_fast,
        live=lose_a_pod_with_requests_in_flight,
        shows=GONE,
        variants={"blue": (1, 2)},
    ),
    Row(
        name="model-closes-idle",
        seed=operator_without_guard.keep_idle_connections_to_the_model,
        live=call_again_after_a_rest,
        shows=r"^502",
        first="os.environ['IDLE'] = '24'",
        rate=1.0,
    ),
    Row(
        name="proxy-closes-idle",
        seed=operator_without_guard.keep_idle_connections_to_the_proxy,
        live=rest,
        shows="idle connections",
        rate=0.2,
    ),
    Row(
        name="progressive-unready",
        seed=operator_without_guard.ask_only_the_proxy,
        live=shift_and_scale_step_by_step,
        shows=NO_MODEL,
        variants={"blue": (90, 1), "green": (10, 1)},
        first="time.sleep(4)",
    ),
)
NAMES = [row.name for row in ROWS]


@pytest.mark.side_by_side
@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_the_operator_loses_nothing(rig: Rig, row: Row) -> None:
    assert lived(rig, rig.namespace, row) == []


@pytest.mark.side_by_side
@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_without_its_guard_requests_are_lost(rig: Rig, row: Row) -> None:
    namespace = rig.make_namespace()
    with rig.operator(namespace, "-m", "tests.e2e.operator_without_guard", row.seed.__name__) as operator:
        operator.start(drain_seconds="1")  # enough where every guard stands; less to wait for
        lost = lived(rig, namespace, row)
        namespace.until_gone(ENDPOINT, row.name)
    assert any(re.search(row.shows, loss) for loss in lost), f"expected {row.shows} among {lost[:20]}"


def lived(rig: Rig, namespace: Namespace, row: Row) -> list[str]:
    """What was lost while an endpoint lived through it."""
    with a_trial(namespace, row.name) as trial:
        trial.make(row.variants, first=row.first)
        with rig.load(trial.host, rate=row.rate) as load:
            lost = row.live(rig, trial, load)
        return lost + load.lost
