import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.labels import PING_PATH, PROXY_PING_PATH, ROUTE_PATH
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.virtualservice import make_virtual_service
from mlendpoints.core.routes import make_routes, parse_routes
from mlendpoints.core.world import Destination, Routes
from tests.kit.builders import an_endpoint, some_settings

BLUE = Destination(variant="blue", instance="rfc-aaaaaaaa", weight=90)
GREEN = Destination(variant="green", instance="lr-bbbbbbbb", weight=10)
SPARE = Destination(variant="spare", instance="lr-cccccccc", weight=0)
VACANT = Destination(variant="vacant", instance="lr-dddddddd", weight=0, vacant=True)


def written(routes: Routes, **settings: int) -> Manifest:
    paths = dict.fromkeys(routes.pings, PROXY_PING_PATH)
    return make_virtual_service(an_endpoint(), routes, ping_paths=paths, settings=some_settings(**settings))


def rule(manifest: Manifest, name: str) -> dict[str, Any]:
    return next(rule for rule in manifest["spec"]["http"] if rule["name"] == name)


names = st.from_regex(r"[a-z]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)


@st.composite
def some_routes(draw: st.DrawFn) -> Routes:
    variants = draw(st.lists(names, unique=True, max_size=10))
    instances = draw(st.lists(names, unique=True, min_size=len(variants), max_size=len(variants)))
    vacant = [draw(st.booleans()) for _ in variants]
    weights = [0 if empty else draw(st.integers(0, 1_000_000)) for empty in vacant]
    destinations = [
        Destination(variant=variant, instance=instance, weight=weight, vacant=empty)
        for variant, instance, weight, empty in zip(variants, instances, weights, vacant, strict=True)
    ]
    return make_routes(destinations, draw(st.lists(names, max_size=12)))


@given(some_routes())
def test_routes_are_read_back_as_they_were_written(routes: Routes) -> None:
    assert routes == parse_routes(written(routes))


@given(some_routes())
def test_a_weight_changed_by_hand_is_read_as_it_is(routes: Routes) -> None:
    manifest = copy.deepcopy(written(routes))
    targets = [target for rule in manifest["spec"]["http"] for target in rule.get("route", []) if "weight" in target]
    for target in targets:
        target["weight"] += 1
    found = parse_routes(manifest)
    assert found is not None
    assert {d.weight + 1 for d in routes.destinations if d.weight} == {d.weight for d in found.destinations if d.weight}


def test_the_order_in_which_routes_are_asked_for_does_not_matter() -> None:
    assert make_routes([BLUE, GREEN], ["a", "b"]) == make_routes([GREEN, BLUE], ["b", "a", "b"])


@pytest.mark.parametrize(
    "other",
    [
        make_routes([BLUE], ["a"]),
        make_routes([BLUE, GREEN], []),
        make_routes([BLUE, Destination(variant="green", instance="lr-bbbbbbbb", weight=11)], ["a"]),
        make_routes([BLUE, Destination(variant="green", instance="lr-cccccccc", weight=10)], ["a"]),
    ],
)
def test_every_difference_gives_another_revision(other: Routes) -> None:
    assert make_routes([BLUE, GREEN], ["a"]).revision != other.revision


def without_rule(name: str) -> Callable[[Manifest], None]:
    def edit(manifest: Manifest) -> None:
        manifest["spec"]["http"] = [rule for rule in manifest["spec"]["http"] if rule["name"] != name]

    return edit


def with_foreign_rule(manifest: Manifest) -> None:
    manifest["spec"]["http"].insert(0, {"name": "mine", "route": [{"destination": {"host": "elsewhere"}}]})


def with_foreign_weight(manifest: Manifest) -> None:
    rule(manifest, "weighted")["route"].append({"destination": {"host": "elsewhere"}, "weight": 50})


def with_foreign_host(manifest: Manifest) -> None:
    rule(manifest, "weighted")["route"][0]["destination"]["host"] = "elsewhere"


def with_two_targets(manifest: Manifest) -> None:
    rule(manifest, "ping/rfc-aaaaaaaa")["route"] *= 2


def with_text_for_a_weight(manifest: Manifest) -> None:
    rule(manifest, "weighted")["route"][0]["weight"] = "much"


def with_nameless_rules(manifest: Manifest) -> None:
    for each in manifest["spec"]["http"]:
        del each["name"]


@pytest.mark.parametrize(
    "edit",
    [
        without_rule("route"),
        without_rule("unknown-path"),
        without_rule("variant/blue/rfc-aaaaaaaa"),
        without_rule("unknown-variant"),
        without_rule("weighted"),
        with_foreign_rule,
        with_foreign_weight,
        with_foreign_host,
        with_two_targets,
        with_text_for_a_weight,
        with_nameless_rules,
        lambda manifest: manifest["spec"].pop("http"),
        lambda manifest: manifest.pop("spec"),
    ],
)
def test_what_was_edited_beyond_recognition_is_never_guessed_at(edit: Callable[[Manifest], object]) -> None:
    manifest = copy.deepcopy(written(make_routes([BLUE, GREEN], [BLUE.instance])))
    edit(manifest)
    assert parse_routes(manifest) is None


def test_routes_are_tried_in_the_order_proof_forced_weighted() -> None:
    manifest = written(make_routes([BLUE, VACANT], [BLUE.instance]))
    assert [rule["name"] for rule in manifest["spec"]["http"]] == [
        "route",
        "ping/rfc-aaaaaaaa",
        "unknown-path",
        "variant/blue/rfc-aaaaaaaa",
        "variant/vacant/lr-dddddddd",
        "unknown-variant",
        "weighted",
    ]


def test_a_ping_that_a_gateway_does_not_know_never_reaches_a_model() -> None:
    manifest = written(make_routes([BLUE], []))
    guard = rule(manifest, "unknown-path")
    prefix = guard["match"][0]["uri"]["prefix"]
    assert (
        (PING_PATH + GREEN.instance).startswith(prefix),
        ROUTE_PATH.startswith(prefix),
        guard["directResponse"]["status"],
    ) == (True, True, 404)


def test_a_ping_is_answered_within_two_seconds_or_not_at_all() -> None:
    ping = rule(written(make_routes([], ["a"])), "ping/a")
    assert (ping["timeout"], ping["retries"]) == ("2s", {"attempts": 0})


@pytest.mark.parametrize("name", ["weighted", "variant/blue/rfc-aaaaaaaa"])
def test_no_timeout_of_the_gateway_races_the_proxy_s(name: str) -> None:
    assert "timeout" not in rule(written(make_routes([BLUE], [])), name)


def test_a_destination_without_weight_can_be_forced_and_takes_no_share() -> None:
    manifest = written(make_routes([BLUE, SPARE], []))
    assert rule(manifest, "variant/spare/lr-cccccccc")["route"][0]["destination"]["host"] == SPARE.instance
    assert [BLUE.instance] == [target["destination"]["host"] for target in rule(manifest, "weighted")["route"]]


def test_a_vacant_variant_says_so_and_names_no_service() -> None:
    vacant = rule(written(make_routes([BLUE, VACANT], [])), "variant/vacant/lr-dddddddd")
    assert "route" not in vacant
    assert vacant["directResponse"] == {
        "status": 503,
        "body": {"string": '{"error": "variant vacant has no instances"}\n'},
    }


def test_an_unknown_variant_is_told_which_ones_there_are() -> None:
    answer = rule(written(make_routes([BLUE, GREEN], [])), "unknown-variant")["directResponse"]
    assert answer["status"] == 400
    assert "blue, green" in answer["body"]["string"]


def test_without_destinations_every_caller_hears_that_nothing_is_in_service() -> None:
    last = written(make_routes([], ["a"]))["spec"]["http"][-1]
    assert "match" not in last
    assert last["directResponse"]["status"] == 503


def test_weights_are_written_as_they_are_asked() -> None:
    weighted = rule(written(make_routes([BLUE, GREEN], [])), "weighted")
    assert [target["weight"] for target in weighted["route"]] == [90, 10]


def test_the_answer_names_the_variant_that_gave_it() -> None:
    target = rule(written(make_routes([BLUE], [])), "weighted")["route"][0]
    assert target["headers"]["response"]["set"] == {"x-Amzn-Invoked-Production-Variant": "blue"}


@pytest.mark.parametrize("name", ["weighted", "variant/blue/rfc-aaaaaaaa"])
def test_only_what_no_model_has_seen_is_retried(name: str) -> None:
    found = rule(written(make_routes([BLUE], [])), name)
    assert found["retries"] == {"attempts": 5, "retryOn": "connect-failure,refused-stream,retriable-headers"}
    requested = found["headers"]["request"]["set"]["x-envoy-retriable-header-names"]
    proxy = (Path(__file__).parents[3] / "images" / "nginx" / "nginx.conf.template").read_text()
    assert re.findall(r"add_header +(\S+) +\$retriable", proxy, re.IGNORECASE)[0].lower() == requested


def test_retries_can_be_switched_off() -> None:
    weighted = rule(written(make_routes([BLUE], []), retry_attempts=0), "weighted")
    assert weighted["retries"] == {"attempts": 0}
    assert "headers" not in weighted
