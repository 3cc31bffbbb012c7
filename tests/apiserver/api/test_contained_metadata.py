"""What a stolen token of the operator may write into metadata: labels, annotations, finalizers and owners."""

from typing import Any

import httpx2
import pytest

from mlendpoints.api import labels
from tests.apiserver.api.objects import a_template, an_instance, controlled
from tests.apiserver.api.test_containment import (
    CLAIM,
    FAST,
    GOOD,
    MERGE,
    ROUTES,
    SAID,
    a_route,
    a_volume,
    folder,
    made,
    post,
)
from tests.kit.sync_client import Object, SyncClient, address

KINDS = (*GOOD, *ROUTES, "PersistentVolume")
OUTGOING: Object = {
    "external-dns.alpha.kubernetes.io/hostname": "bank.example.com",
    "external-dns.alpha.kubernetes.io/target": "192.0.2.1",
    "cert-manager.io/cluster-issuer": "letsencrypt",
    "service.beta.kubernetes.io/aws-load-balancer-type": "external",
    "networking.istio.io/exportTo": "*",
    "pv.beta.kubernetes.io/gid": "0",
    "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z",
}
JOINING: Object = {
    "team": "other",
    "kubernetes.io/cluster-service": "true",
    "service.kubernetes.io/service-proxy-name": "other",
    "sidecar.istio.io/inject": "false",
    "istio.io/rev": "other",
    "mlendpoints.dev/other": "a",
}


def of_kind(kind: str, namespace: str, **metadata: Any) -> Object:  # noqa: ANN401 - any field
    """One as the operator makes it, with ``metadata`` merged into its own."""
    if kind in GOOD:
        obj = made(kind, namespace)
    else:
        obj = a_volume(namespace) if kind == "PersistentVolume" else a_route(kind, namespace)
    own: Object = obj["metadata"]
    maps = {key: own.get(key, {}) | value if isinstance(value, dict) else value for key, value in metadata.items()}
    return obj | {"metadata": own | maps}


def patched(user: SyncClient, obj: Object, kind: str, **metadata: Any) -> httpx2.Response:  # noqa: ANN401 - any field
    """The answer to a merge patch of its metadata."""
    path = f"{folder(kind, obj)}/{obj['metadata']['name']}"
    return user.ask("PATCH", path, body={"metadata": metadata}, headers=MERGE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("istio")
def test_it_gives_objects_annotations_of_its_own_only(kind: str, operator: SyncClient, namespace: str) -> None:
    own = {labels.MANIFEST_HASH: "a", labels.BUILDER: "1", "cloud.google.com/neg": '{"ingress":true}'}
    assert post(operator, kind, of_kind(kind, namespace, annotations=own)) == ""
    for key, value in OUTGOING.items():
        said = post(operator, kind, of_kind(kind, namespace, annotations=own | {key: value}))
        assert f"{SAID}gives objects annotations of mlendpoints.dev/ only" in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("istio")
def test_it_gives_objects_labels_of_its_own_only(kind: str, operator: SyncClient, namespace: str) -> None:
    own = {labels.ENDPOINT: "titanic", labels.ISTIO_VERSION: "1", labels.COMPONENT: "model"}
    assert post(operator, kind, of_kind(kind, namespace, labels=own)) == ""
    for key, value in JOINING.items():
        assert f"{SAID}gives objects its own labels only" in post(
            operator, kind, of_kind(kind, namespace, labels={key: value})
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("istio")
def test_it_gives_objects_finalizers_of_its_own_only(kind: str, operator: SyncClient, namespace: str) -> None:
    assert post(operator, kind, of_kind(kind, namespace, finalizers=[labels.VOLUME_FINALIZER])) == ""
    said = post(operator, kind, of_kind(kind, namespace, finalizers=["example.com/for-good"]))
    assert f"{SAID}gives objects these finalizers only" in said


@pytest.mark.parametrize("kind", [*GOOD, *ROUTES])
@pytest.mark.usefixtures("istio")
def test_it_names_owners_of_its_own_kinds_only(kind: str, operator: SyncClient, namespace: str) -> None:
    other = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a", "uid": "b", "blockOwnerDeletion": True}
    owners = [*controlled()["ownerReferences"], other]
    said = post(operator, kind, of_kind(kind, namespace, ownerReferences=owners))
    assert f"{SAID}names no owners but objects of its own kinds" in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("istio")
def test_what_others_added_stays_as_it_is_and_holds_no_write_up(
    kind: str, operator: SyncClient, server: SyncClient, namespace: str
) -> None:
    theirs = {"annotations": OUTGOING, "labels": JOINING, "finalizers": ["example.com/held"]}
    obj = of_kind(kind, namespace, **theirs)
    server.ask("POST", folder(kind, obj), body=obj).raise_for_status()

    def patch(**metadata: Any) -> int:  # noqa: ANN401 - any field
        return patched(operator, obj, kind, **metadata).status_code

    assert patch(labels={labels.APP_VERSION: "2"}, annotations={labels.MANIFEST_HASH: "b"}) == 200
    assert patch(annotations={"cert-manager.io/cluster-issuer": "other"}) == 403
    assert patch(labels={"team": "third"}) == 403
    assert patch(annotations={"cert-manager.io/cluster-issuer": None}, labels={"team": None}) == 200
    assert patch(labels={"team": "other"}) == 403
    assert patch(finalizers=[]) == (200 if kind == "Deployment" else 403)


def test_endpoints_and_instances_keep_the_finalizers_of_others(
    operator: SyncClient, server: SyncClient, user: SyncClient, namespace: str
) -> None:
    endpoint, instance = a_template("mle", namespace), an_instance("mlm", namespace)
    for short, obj, own in (("mle", endpoint, labels.ROUTES_FINALIZER), ("mlm", instance, labels.VOLUME_FINALIZER)):
        held = obj | {"metadata": obj["metadata"] | {"finalizers": ["example.com/held"]}}
        (operator if short == "mlm" else user).create(short, obj).raise_for_status()
        server.merge(short, held, {"metadata": {"finalizers": ["example.com/held"]}}).raise_for_status()

        def wrote(*finalizers: str, short: str = short, obj: Object = obj) -> int:
            return operator.merge(short, obj, {"metadata": {"finalizers": finalizers}}).status_code

        assert wrote("example.com/held", own) == 200
        assert wrote(own) == 403
        assert wrote("example.com/held", own, "example.com/another") == 403
        assert wrote("example.com/held") == 200
    server.ask("GET", address("mle", endpoint)).raise_for_status()


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_its_pods_have_no_finalizers(kind: str, operator: SyncClient, namespace: str) -> None:
    held = {"template": {"metadata": {"finalizers": ["example.com/for-good"]}}}
    assert f"{SAID}gives pods no finalizers" in post(operator, kind, made(kind, namespace, held))


def test_finalizers_that_others_gave_pods_stay(operator: SyncClient, server: SyncClient, namespace: str) -> None:
    held = {"template": {"metadata": {"finalizers": ["example.com/held"]}}}
    obj = made("Deployment", namespace, held)
    server.ask("POST", folder("Deployment", obj), body=obj).raise_for_status()
    path = f"{folder('Deployment', obj)}/titanic"

    def patch(spec: Object) -> int:
        return operator.ask("PATCH", path, body={"spec": spec}, headers=MERGE).status_code

    assert patch({"replicas": 3}) == 200
    assert patch({"template": {"metadata": {"finalizers": ["example.com/another"]}}}) == 403
    assert patch({"template": {"metadata": {"finalizers": None}}}) == 200


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
@pytest.mark.parametrize("metadata", [{"labels": {"a": "b"}}, {"annotations": {"a": "b"}}], ids=str)
def test_the_claims_of_its_pods_tell_nothing_to_controllers(
    kind: str, metadata: Object, operator: SyncClient, namespace: str
) -> None:
    fresh = {"metadata": metadata, "spec": CLAIM | FAST}
    volumes = [{"name": "e", "ephemeral": {"volumeClaimTemplate": fresh}}]
    said = post(operator, kind, made(kind, namespace, {"template": {"spec": {"volumes": volumes}}}))
    assert f"{SAID}creates pods with ephemeral volumes whose claims have neither" in said


@pytest.mark.parametrize("kind", ["Service", "Deployment"])
def test_as_much_metadata_as_an_object_can_have_holds_no_write_up(
    kind: str, operator: SyncClient, server: SyncClient, namespace: str
) -> None:
    """What others add costs CEL time, for which the API server has a limit."""
    many = {f"a{n:04}": "v" * 125 for n in range(2_000)}
    assert 250 * 1024 < sum(len(key) + len(value) for key, value in many.items()) < 256 * 1024  # which is the most
    obj = of_kind(kind, namespace, annotations=many, labels={f"l{n}": "v" for n in range(1_000)})
    server.ask("POST", folder(kind, obj), body=obj).raise_for_status()

    answer = patched(operator, obj, kind, labels={labels.APP_VERSION: "2"})

    assert answer.status_code == 200, answer.text
    assert patched(operator, obj, kind, labels={"another": "v"}).status_code == 403
