import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mlendpoints.api import labels
from mlendpoints.api.endpoint import EndpointStatus, UpdateStatus
from mlendpoints.api.reasons import Reason
from mlendpoints.core.plan import Adopt, Apply, Create, Replace, Scale, SetStatus
from mlendpoints.core.world import Child, Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import ConflictError, NotFoundError, RejectedError, UnavailableError
from mlendpoints.edge.kube.kinds import ENDPOINT, SERVICE
from mlendpoints.edge.kube.responses import Written, WrittenMeta
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.reconcile.writes import Writer
from tests.apiserver.edge.conftest import Connect
from tests.apiserver.edge.objects import (
    Object,
    a_service,
    allow_no_services,
    an_endpoint,
    controlled_by,
    created,
    observed,
    read,
    ref_of,
)
from tests.kit.sync_client import SyncClient

Scenario = Callable[[Api, Writer], Awaitable[None]]


def play(connect: Connect, scenario: Scenario, *, leads: bool = True) -> None:
    async def played() -> None:
        api = connect(Metrics())
        try:
            await scenario(api, Writer(api, may_write=lambda: leads))
        finally:
            await api.close()

    asyncio.run(played())


def version_of(obj: Object) -> WrittenMeta:
    return WrittenMeta(obj["metadata"]["uid"], obj["metadata"]["resourceVersion"])


async def create(writer: Writer, manifest: Object) -> Written:
    return await writer.write(Create(ref_of(manifest), manifest))


def test_what_is_created_says_its_identity_and_version(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        left = await create(writer, manifest)
        child = await observed(api, ref_of(manifest))
        assert (left.metadata.uid, left.metadata.resource_version) == (child.uid, child.resource_version)

    play(connect, scenario)


def test_a_name_taken_by_our_own_object_is_adopted_as_it_is(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace, owner=await created(api, an_endpoint(namespace)))
        first, second = await create(writer, manifest), await create(writer, manifest)
        assert first == second

    play(connect, scenario)


def an_orphan(namespace: str, **label: str | None) -> Object:
    """A Service that the operator made, as ``kubectl delete --cascade=orphan`` or a restore leaves it."""
    orphan = a_service(namespace)
    orphan["metadata"]["annotations"] = {labels.MANIFEST_HASH: "abcdefghijklmnop"}
    orphan["metadata"]["labels"] |= {labels.ENDPOINT: "ep"} | label
    return orphan


def test_our_own_object_without_an_owner_is_taken_over(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        left = await created(api, an_orphan(namespace))
        endpoint = await created(api, an_endpoint(namespace))
        ours = a_service(namespace, owner=endpoint)
        ours["metadata"]["labels"][labels.ENDPOINT] = "ep"
        await create(writer, ours)
        taken = await read(api, ref_of(ours))
        assert taken["metadata"]["uid"] == left["metadata"]["uid"]
        assert [owner["uid"] for owner in taken["metadata"]["ownerReferences"]] == [endpoint["metadata"]["uid"]]

    play(connect, scenario)


def test_an_orphan_is_taken_over_as_it_was_observed_only(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        left = await created(api, an_orphan(namespace))
        child = await observed(api, ref_of(left))
        assert child.orphan_of == Ref("MachineLearningEndpoint", namespace, "ep")
        endpoint = await created(api, an_endpoint(namespace))
        await api.merge(ref_of(left), {"metadata": {"labels": {"touched": "yes"}}})
        with pytest.raises(ConflictError):
            await writer.write(Adopt(child, controlled_by(endpoint)))
        await writer.write(Adopt(await observed(api, ref_of(left)), controlled_by(endpoint)))
        assert (await observed(api, ref_of(left))).controller == endpoint["metadata"]["uid"]

    play(connect, scenario)


@pytest.mark.parametrize("other", [{labels.ENDPOINT: "another"}, {labels.MANAGED_BY: "Helm"}])
def test_an_object_without_an_owner_that_was_made_for_something_else_is_left_alone(
    connect: Connect, namespace: str, other: dict[str, str]
) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        theirs = await created(api, an_orphan(namespace, **other))
        ours = a_service(namespace, owner=await created(api, an_endpoint(namespace)))
        ours["metadata"]["labels"][labels.ENDPOINT] = "ep"
        with pytest.raises(RejectedError, match=r"was not created by the operator; leaving it unchanged\. Give the"):
            await create(writer, ours)
        assert await read(api, ref_of(ours)) == theirs

    play(connect, scenario)


@pytest.mark.parametrize("owned", [True, False])
def test_a_name_taken_by_somebody_else_is_refused_and_left_alone(connect: Connect, namespace: str, owned: bool) -> None:  # noqa: FBT001
    async def scenario(api: Api, writer: Writer) -> None:
        other = await created(api, an_endpoint(namespace, "other"))
        theirs = await created(api, a_service(namespace, owner=other if owned else None))
        ours = a_service(namespace, owner=await created(api, an_endpoint(namespace)), sessionAffinity="ClientIP")
        said = "belongs to MachineLearningEndpoint other" if owned else "was not created by the operator"
        with pytest.raises(
            RejectedError, match=f"{said}; leaving it unchanged. Give the endpoint another name"
        ) as rejection:
            await create(writer, ours)
        assert rejection.value.reason is Reason.NOT_OWNED
        assert await read(api, ref_of(ours)) == theirs

    play(connect, scenario)


def test_what_the_endpoint_of_that_name_before_has_left_is_waited_for(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        endpoint = await created(api, an_endpoint(namespace))
        before = {**endpoint, "metadata": {**endpoint["metadata"], "uid": "of-the-one-before"}}
        left = await created(api, a_service(namespace, owner=before))
        ours = a_service(namespace, owner=endpoint, sessionAffinity="ClientIP")
        with pytest.raises(ConflictError, match="is being deleted"):
            await create(writer, ours)
        assert await read(api, ref_of(ours)) == left

    play(connect, scenario)


def test_what_is_being_deleted_is_waited_for_whoever_owned_it(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        theirs = a_service(namespace)
        theirs["metadata"]["finalizers"] = ["example.com/slow"]
        await api.delete(await observed(api, ref_of(await created(api, theirs))))
        ours = a_service(namespace, owner=await created(api, an_endpoint(namespace)))
        with pytest.raises(ConflictError, match="is being deleted"):
            await create(writer, ours)

    play(connect, scenario)


def test_our_own_object_without_our_label_gets_it_back(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace, owner=await created(api, an_endpoint(namespace)))
        await create(writer, manifest)
        await api.merge(ref_of(manifest), {"metadata": {"labels": {labels.MANAGED_BY: None}}})
        await create(writer, manifest)
        assert (await read(api, ref_of(manifest)))["metadata"]["labels"][labels.MANAGED_BY] == labels.MANAGER

    play(connect, scenario)


def test_an_apply_for_a_vanished_object_is_a_conflict_and_makes_nothing(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        await create(writer, manifest)
        child = await observed(api, ref_of(manifest))
        await writer.delete(child)
        with pytest.raises(ConflictError):
            await writer.write(Apply(child.ref, manifest, child.uid))
        with pytest.raises(NotFoundError):
            await api.get(child.ref)

    play(connect, scenario)


def test_an_apply_for_an_object_made_anew_is_a_conflict(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        await create(writer, manifest)
        old = await observed(api, ref_of(manifest))
        await writer.delete(old)
        await create(writer, manifest)
        with pytest.raises(ConflictError):
            await writer.write(Apply(old.ref, {**manifest, "spec": {"sessionAffinity": "ClientIP"}}, old.uid))

    play(connect, scenario)


def test_an_apply_of_one_version_overwrites_nothing_newer(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace, sessionAffinity="None")
        await create(writer, manifest)
        old = await observed(api, ref_of(manifest))
        await writer.write(Apply(old.ref, {**manifest, "spec": {"sessionAffinity": "ClientIP"}}, old.uid))
        with pytest.raises(ConflictError):
            await writer.write(Apply(old.ref, manifest, old.uid, old.resource_version))
        newest = await observed(api, old.ref)
        await writer.write(Apply(old.ref, manifest, newest.uid, newest.resource_version))

    play(connect, scenario)


def test_an_apply_takes_back_what_somebody_changed(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace, sessionAffinity="None")
        await create(writer, manifest)
        ref = ref_of(manifest)
        await api.merge(ref, {"spec": {"sessionAffinity": "ClientIP"}})
        await writer.write(Apply(ref, manifest, (await observed(api, ref)).uid))
        assert (await read(api, ref))["spec"]["sessionAffinity"] == "None"

    play(connect, scenario)


def test_what_has_changed_since_it_was_observed_is_not_deleted(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        await create(writer, manifest)
        stale = await observed(api, ref_of(manifest))
        await api.merge(stale.ref, {"metadata": {"labels": {"edited": "yes"}}})
        with pytest.raises(ConflictError):
            await writer.delete(stale)
        await writer.delete(await observed(api, stale.ref))
        with pytest.raises(NotFoundError):
            await api.get(stale.ref)

    play(connect, scenario)


def test_what_is_gone_already_may_be_deleted_again(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        await create(writer, manifest)
        child = await observed(api, ref_of(manifest))
        await writer.delete(child)
        await writer.delete(child)

    play(connect, scenario)


def test_an_invalid_object_is_refused_in_the_servers_words(connect: Connect, namespace: str) -> None:
    async def scenario(_api: Api, writer: Writer) -> None:
        with pytest.raises(RejectedError, match=r"spec\.sessionAffinity") as rejection:
            await create(writer, a_service(namespace, sessionAffinity="Sometimes"))
        assert rejection.value.reason is Reason.INVALID_SPEC

    play(connect, scenario)


def test_an_exhausted_quota_is_refused_as_such(connect: Connect, namespace: str, server: SyncClient) -> None:
    allow_no_services(server, namespace)

    async def scenario(_api: Api, writer: Writer) -> None:
        async def refused() -> Reason | None:
            try:
                await writer.write(Create(Ref("Service", namespace, "s"), a_service(namespace)))
            except RejectedError as error:
                return error.reason
            await writer.delete(await observed(_api, Ref("Service", namespace, "s")))
            return None

        async with asyncio.timeout(20):  # the server's admission learns of a quota by a watch of its own
            while await refused() is not Reason.QUOTA_EXCEEDED:
                pass

    play(connect, scenario)


def test_a_status_is_replaced_as_a_whole(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        endpoint = await created(api, an_endpoint(namespace))
        ref, before = ref_of(endpoint), version_of(endpoint)
        update = UpdateStatus(target="t", phase="p", start_time="2026-01-01T00:00:00Z")
        first = EndpointStatus(observed_generation=1, url="http://a", update=update)
        left = await writer.set_status(ref, before, first)
        await writer.set_status(ref, left.metadata, EndpointStatus(observed_generation=2))
        assert (await read(api, ref))["status"] == {"observedGeneration": 2}

    play(connect, scenario)


def test_the_status_of_an_object_made_anew_is_not_touched(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        old = await created(api, an_endpoint(namespace))
        ref, version = ref_of(old), version_of(old)
        await writer.delete(Child(ref=ref, uid=version.uid, resource_version=version.resource_version))
        await api.create(ENDPOINT, an_endpoint(namespace))
        with pytest.raises(ConflictError):
            await writer.set_status(ref, version, EndpointStatus(url="http://a"))
        assert "status" not in await read(api, ref)

    play(connect, scenario)


def test_finalizers_are_those_of_the_observed_version(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        endpoint = await created(api, an_endpoint(namespace))
        ref, version = ref_of(endpoint), version_of(endpoint)
        await api.merge(ref, {"metadata": {"finalizers": ["example.com/theirs"]}})
        with pytest.raises(ConflictError):
            await writer.set_finalizers(ref, version, (labels.ROUTES_FINALIZER,))
        version = version_of(await read(api, ref))
        left = await writer.set_finalizers(ref, version, ("example.com/theirs", labels.ROUTES_FINALIZER))
        finalizers = (await read(api, ref))["metadata"]["finalizers"]
        assert finalizers == ["example.com/theirs", labels.ROUTES_FINALIZER]
        await writer.set_finalizers(ref, left.metadata, ())

    play(connect, scenario)


def test_without_its_last_finalizer_a_deleted_object_is_gone_and_has_no_new_version(
    connect: Connect, namespace: str
) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        manifest["metadata"]["finalizers"] = ["example.com/theirs", "example.com/ours"]
        child = await observed(api, ref_of(await created(api, manifest)))
        await api.delete(child)
        version = version_of(await read(api, child.ref))
        left = await writer.set_finalizers(child.ref, version, ("example.com/theirs",))
        assert not left.metadata.is_gone
        last = await writer.set_finalizers(child.ref, left.metadata, ())
        assert last.metadata.is_gone
        assert last.metadata.resource_version == left.metadata.resource_version

    play(connect, scenario)


def test_replicas_and_childrens_statuses_are_patched_alone(connect: Connect, namespace: str) -> None:
    container = {"name": "c", "image": "i"}
    selector = {"app": "d"}
    template = {"metadata": {"labels": selector}, "spec": {"containers": [container]}}
    manifest = a_service(namespace, "d") | {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"selector": {"matchLabels": selector}, "template": template},
    }

    async def scenario(api: Api, writer: Writer) -> None:
        await create(writer, manifest)
        child = await observed(api, ref_of(manifest))
        await writer.write(Scale(child, 3))
        scaled = await observed(api, child.ref)
        await writer.write(SetStatus(scaled, {"readyReplicas": 1, "replicas": 1}))
        after = await observed(api, child.ref)
        assert (after.replicas, after.ready_replicas, after.newest_ready) == (3, 1, 0)
        with pytest.raises(ConflictError):
            await writer.write(Scale(child, 5))

    play(connect, scenario)


async def guard(writer: Writer, service: Ref, observed_: Child | None) -> bool:
    try:
        await writer.check_precondition(service, observed_, owner="uid-of-the-endpoint")
    except ConflictError:
        return False
    return True


def test_a_guard_holds_only_while_the_object_is_the_observed_one(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        ref = ref_of(manifest)
        assert await guard(writer, ref, None)
        await api.create(SERVICE, manifest)
        child = await observed(api, ref)
        assert await guard(writer, ref, child)
        await api.merge(ref, {"metadata": {"labels": {"edited": "yes"}}})
        assert not await guard(writer, ref, child)
        await writer.delete(await observed(api, ref))
        assert not await guard(writer, ref, child)

    play(connect, scenario)


def test_an_absent_guard_holds_while_nothing_of_ours_stands_there(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        endpoint = await created(api, an_endpoint(namespace))
        service = await created(api, a_service(namespace, owner=endpoint))
        owner = endpoint["metadata"]["uid"]
        await writer.check_precondition(ref_of(service), None, owner="uid-of-another")
        with pytest.raises(ConflictError):
            await writer.check_precondition(ref_of(service), None, owner=owner)

    play(connect, scenario)


def test_who_does_not_lead_writes_nothing(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        with pytest.raises(UnavailableError, match="Not the leader: lease is not held"):
            await create(writer, a_service(namespace))
        with pytest.raises(NotFoundError):
            await api.get(Ref("Service", namespace, "s"))

    play(connect, scenario, leads=False)


def test_a_replacement_leaves_nothing_of_what_was_there(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace, selector={"a": "b"})
        await create(writer, manifest)
        await api.merge(ref_of(manifest), {"metadata": {"annotations": {"theirs": "yes"}}})
        left = await writer.write(Replace(await observed(api, ref_of(manifest)), a_service(namespace)))
        found = await read(api, ref_of(manifest))
        assert found["metadata"]["resourceVersion"] == left.metadata.resource_version
        assert ("selector" in found["spec"], "annotations" in found["metadata"]) == (False, False)

    play(connect, scenario)


def test_a_replacement_is_of_the_observed_version_of_the_observed_object(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, writer: Writer) -> None:
        manifest = a_service(namespace)
        await create(writer, manifest)
        old = await observed(api, ref_of(manifest))
        await api.merge(ref_of(manifest), {"metadata": {"annotations": {"theirs": "yes"}}})
        with pytest.raises(ConflictError):
            await writer.write(Replace(old, manifest))
        await writer.delete(await observed(api, old.ref))
        with pytest.raises(ConflictError):
            await writer.write(Replace(old, manifest))
        await create(writer, manifest)
        with pytest.raises(ConflictError):
            await writer.write(Replace(old, manifest))

    play(connect, scenario)
