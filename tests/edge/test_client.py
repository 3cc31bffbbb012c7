import asyncio

import pytest

from mlendpoints.core.world import Child, Ref
from mlendpoints.edge.kube.errors import UnavailableError
from mlendpoints.edge.kube.kinds import DEPLOYMENT, KINDS, SERVICE, VOLUME, Watch, make_watches
from mlendpoints.edge.kube.responses import Written
from tests.edge.scripted import Exchange, Script, played


def test_paths_are_the_api_servers() -> None:
    assert SERVICE.path("ns", "a", "status") == "/api/v1/namespaces/ns/services/a/status"
    assert DEPLOYMENT.path() == "/apis/apps/v1/deployments"
    assert VOLUME.path("", "pv") == "/api/v1/persistentvolumes/pv"


def test_one_watch_for_all_namespaces_or_one_for_each() -> None:
    every = make_watches(namespaces=(), gateway_service="istio/gw", volumes=False)
    some = make_watches(namespaces=("a", "b"), gateway_service="istio/gw", volumes=False)
    assert len(some) == 2 * (len(every) - 2) + 2
    assert {watch.namespace for watch in every} == {"", "istio"}
    assert {watch.namespace for watch in some} == {"a", "b", "istio"}


def test_volumes_are_watched_only_where_paths_are_allowed() -> None:
    def kinds(*, volumes: bool) -> set[str]:
        return {watch.kind.name for watch in make_watches(namespaces=(), gateway_service="i/g", volumes=volumes)}

    assert kinds(volumes=True) - kinds(volumes=False) == {VOLUME.name}


def test_network_policies_are_watched_only_where_they_are_ours_and_by_our_label() -> None:
    def watches(*, ours: bool) -> set[tuple[str, bool]]:
        made = make_watches(namespaces=(), gateway_service="i/g", volumes=False, network_policies=ours)
        return {(watch.kind.name, watch.label_selector != "") for watch in made}

    assert watches(ours=True) - watches(ours=False) == {("NetworkPolicy", True)}


def test_routes_are_watched_whosever_they_are() -> None:
    unlabelled = {
        w.kind.name for w in make_watches(namespaces=(), gateway_service="i/g", volumes=True) if not w.label_selector
    }
    assert {"VirtualService", "Gateway"} <= unlabelled
    assert not {"Pod", "Deployment", "Service", "EndpointSlice"} & unlabelled


def test_every_kind_is_found_by_its_name() -> None:
    assert all(name == kind.name for name, kind in KINDS.items())


def test_a_deletion_that_leaves_nothing_is_answered_by_a_status() -> None:
    async def gone(exchange: Exchange) -> None:
        await exchange.say({"kind": "Status", "status": "Success", "metadata": {}})

    async def scenario() -> None:
        async with played(Script(gone)) as api:
            await api.delete(Child(ref=Ref("Service", "ns", "a"), uid="u", resource_version="1"))

    asyncio.run(scenario())


def test_no_answer_is_an_error_that_can_be_tried_again() -> None:
    async def drop(exchange: Exchange) -> None:
        exchange.drop()

    async def scenario() -> None:
        async with played(Script(drop)) as api:
            with pytest.raises(UnavailableError):
                await api.get(Ref("Service", "ns", "a"))

    asyncio.run(scenario())


UNREADABLE = {
    "no JSON": b"<html>busy</html>",
    "no text": b'{"items": "\xff"}',
    "no list": b'{"items": 1}',
    "nothing": b"",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_cannot_be_read_is_an_error_that_can_be_tried_again(content: bytes) -> None:
    async def babble(exchange: Exchange) -> None:
        await exchange.say_raw(content)

    async def scenario() -> None:
        async with played(Script(babble)) as api:
            with pytest.raises(UnavailableError, match="is no Page"):
                await anext(api.pages(Watch(kind=SERVICE)))

    asyncio.run(scenario())


def test_writes_name_their_field_manager() -> None:
    async def written(exchange: Exchange) -> None:
        await exchange.say({"metadata": {"uid": "u", "resourceVersion": "9"}}, code=201)

    async def scenario() -> tuple[Written, Script]:
        script = Script(written)
        async with played(script) as api:
            manifest = {"metadata": {"namespace": "ns", "name": "a"}}
            return await api.create(SERVICE, manifest), script

    left, script = asyncio.run(scenario())
    assert script.seen[0].query == {"fieldManager": "mlendpoints"}
    assert (left.metadata.uid, left.metadata.resource_version) == ("u", "9")
