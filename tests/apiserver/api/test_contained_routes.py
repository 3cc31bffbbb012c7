"""What routes a stolen token of the operator may write: an endpoint's host at the gateway's listeners, and no more."""

from typing import Any

import pytest

from mlendpoints.api import labels
from tests.apiserver.api.objects import controlled
from tests.apiserver.api.test_containment import MERGE, SAID, a_route, folder, post
from tests.kit.sync_client import Object, SyncClient

pytestmark = pytest.mark.usefixtures("istio")

TLS: Object = {"mode": "SIMPLE", "credentialName": "titanic"}
HTTPS: Object = {"number": 443, "name": "https", "protocol": "HTTPS"}


def a_server(**change: Any) -> Object:  # noqa: ANN401 - any field
    """The spec of a Gateway whose HTTPS server is changed."""
    return {"servers": [{"port": HTTPS, "tls": TLS} | change]}


@pytest.mark.parametrize(
    "change", [{}, a_server(), {"servers": [{}, a_server(hosts=["./titanic.example.com"])["servers"][0]]}], ids=str
)
def test_its_gateways_open_the_configured_doors(change: Object, operator: SyncClient, namespace: str) -> None:
    assert post(operator, "Gateway", a_route("Gateway", namespace, **change)) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"selector": {"istio": None}},
        {"servers": [{"hosts": ["./*"]}]},
        {"servers": [{"hosts": ["./*.example.com"]}]},
        {"servers": [{"hosts": ["*"]}]},
        {"servers": [{"hosts": ["*/titanic.example.com"]}]},
        {"servers": [{"hosts": ["./titanic.example.com", "./other.example.com"]}]},
        {"servers": [{"bind": "127.0.0.1"}]},
        {"servers": [{"defaultEndpoint": "127.0.0.1:15000"}]},
        {"servers": [{"name": "server"}]},
        *({"servers": [{"port": {"protocol": name}}]} for name in ("TCP", "TLS", "HTTP2", "GRPC", "MONGO")),
        *({"servers": [{"port": {"number": number}}]} for number in (443, 8080, 15021, 15090)),
        {"servers": [{"port": {"targetPort": 15000}}]},
        {"servers": [{"tls": {"httpsRedirect": True}}]},
        {"servers": [{"tls": TLS}]},
        a_server(tls=None),
        a_server(port=HTTPS | {"protocol": "TLS"}, tls={"mode": "PASSTHROUGH"}),
        a_server(port=HTTPS | {"number": 80}),
        *(a_server(tls=TLS | {"mode": mode}) for mode in ("PASSTHROUGH", "MUTUAL", "ISTIO_MUTUAL", None)),
        *(
            a_server(tls=TLS | {"credentialName": name})
            for name in ("other", "kubernetes://titanic", "kubernetes-gateway://istio-system/titanic", None)
        ),
        a_server(tls={"mode": "SIMPLE", "serverCertificate": "/etc/cert.pem", "privateKey": "/etc/key.pem"}),
        *(
            a_server(tls=TLS | {key: value})
            for key, value in {
                "httpsRedirect": True,
                "serverCertificate": "/etc/cert.pem",
                "privateKey": "/etc/key.pem",
                "caCertificates": "/etc/ca.pem",
                "minProtocolVersion": "TLSV1_0",
                "cipherSuites": ["AES128-SHA"],
                "subjectAltNames": ["other"],
            }.items()
        ),
    ],
    ids=str,
)
def test_its_gateways_open_nothing_else(change: Object, operator: SyncClient, namespace: str) -> None:
    assert SAID in post(operator, "Gateway", a_route("Gateway", namespace, **change))


def test_doors_of_earlier_settings_stay_open_beside_the_configured_ones(
    operator: SyncClient, server: SyncClient, namespace: str
) -> None:
    earlier = {"port": {"number": 8443, "name": "https", "protocol": "HTTPS"}, "tls": TLS | {"credentialName": "old"}}
    path = stored(server, "Gateway", namespace, servers=[earlier])
    asked = a_route("Gateway", namespace)["spec"]["servers"][0]
    beside = asked | earlier | {"port": earlier["port"] | {"name": "https-8443"}}

    assert patched(operator, path, servers=[asked, beside | {"port": beside["port"] | {"number": 9443}}]) == 403
    assert patched(operator, path, servers=[asked, beside | {"tls": TLS}]) == 403
    assert patched(operator, path, servers=[asked, beside]) == 200
    assert patched(operator, path, servers=[asked]) == 200
    assert patched(operator, path, servers=[asked, beside]) == 403


@pytest.mark.parametrize(
    "change",
    [
        {"hosts": ["*"]},
        {"hosts": ["*.example.com"]},
        {"hosts": ["titanic.example.com", "other.example.com"]},
        {"exportTo": ["*"]},
        {"tcp": [{"route": [{"destination": {"host": "titanic"}}]}]},
        *(
            {"http": [{key: value}]}
            for key, value in {
                "delegate": {"name": "other"},
                "redirect": {"authority": "example.com"},
                "fault": {"delay": {"fixedDelay": "60s", "percentage": {"value": 100}}},
                "corsPolicy": {"allowOrigins": [{"prefix": "https://"}], "allowCredentials": True},
                "mirror": {"host": "other"},
                "rewrite": {"authority": "other"},
            }.items()
        ),
        {"http": [{"match": [{"sourceNamespace": "other"}]}]},
        {"http": [{"match": [{"port": 15021}]}]},
        {"http": [{"route": [{"destination": {"subset": "other"}}]}]},
    ],
    ids=str,
)
def test_its_routes_are_those_of_one_host(change: Object, operator: SyncClient, namespace: str) -> None:
    said = post(operator, "VirtualService", a_route("VirtualService", namespace, **change))
    assert f"{SAID}writes VirtualServices of " in said


def test_as_many_routes_as_an_object_can_have_hold_no_write_up(operator: SyncClient, namespace: str) -> None:
    """What is checked of each costs CEL time, for which the API server has a limit."""
    spec = a_route("VirtualService", namespace)["spec"]
    many = a_route("VirtualService", namespace, http=spec["http"] * 500)
    assert post(operator, "VirtualService", many) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"host": "other"},
        {"host": "titanic.other.svc.cluster.local"},
        {"exportTo": ["*"]},
        {"subsets": [{"name": "a", "labels": {"a": "b"}}]},
        {"workloadSelector": {"matchLabels": {"app": "other"}}},
        *(
            {"trafficPolicy": {key: value}}
            for key, value in {
                "tls": {"mode": "MUTUAL", "clientCertificate": "/etc/cert.pem", "privateKey": "/etc/key.pem"},
                "portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}],
                "outlierDetection": {"consecutive5xxErrors": 1},
                "tunnel": {"targetHost": "other", "targetPort": 80},
                "proxyProtocol": {"version": "V2"},
                "loadBalancer": {"warmup": {"duration": "1000s"}},
                "connectionPool": {"tcp": {"maxConnections": 1}},
            }.items()
        ),
        {"trafficPolicy": {"loadBalancer": {"simple": "PASSTHROUGH"}}},
        {"trafficPolicy": {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}},
        {"trafficPolicy": {"connectionPool": {"http": {"idleTimeout": "1ms"}}}},
    ],
    ids=str,
)
def test_its_destination_rules_say_what_it_says(change: Object, operator: SyncClient, namespace: str) -> None:
    said = post(operator, "DestinationRule", a_route("DestinationRule", namespace, **change))
    assert f"{SAID}writes DestinationRules of the Service that they are named after" in said


@pytest.mark.parametrize("part", ["connectionPool", "loadBalancer"])
def test_its_destination_rules_may_say_less(part: str, operator: SyncClient, namespace: str) -> None:
    less = a_route("DestinationRule", namespace, trafficPolicy={part: None})
    assert post(operator, "DestinationRule", less) == ""


@pytest.mark.parametrize(
    "owner", [("MachineLearningModel", "other"), ("MachineLearningEndpoint", "titanic"), ("MLModel", "titanic")]
)
def test_its_destination_rules_are_of_instances(owner: tuple[str, str], operator: SyncClient, namespace: str) -> None:
    rule = a_route("DestinationRule", namespace)
    other = rule | {"metadata": rule["metadata"] | controlled(*owner)}
    assert f"{SAID}writes DestinationRules of instances" in post(operator, "DestinationRule", other)


@pytest.mark.parametrize(
    "case",
    [
        ("Gateway", {"servers": [{"bind": "192.0.2.1"}]}, {}),
        ("VirtualService", {"exportTo": ["."]}, {"exportTo": ["*"]}),
        (
            "DestinationRule",
            {"exportTo": ["."], "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 9}}}},
            {"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}},
        ),
    ],
    ids=["Gateway", "VirtualService", "DestinationRule"],
)
def test_what_people_added_to_its_routes_stays_and_holds_no_write_up(
    case: tuple[str, Object, Object], operator: SyncClient, server: SyncClient, namespace: str
) -> None:
    kind, added, more = case
    path = stored(server, kind, namespace, **added)
    adopted = {"metadata": {"annotations": {labels.MANIFEST_HASH: "a"}}}
    assert operator.ask("PATCH", path, body=adopted, headers=MERGE).status_code == 200
    if more:
        assert patched(operator, path, **more) == 403

    asked = a_route(kind, namespace)
    asked["metadata"]["annotations"] = {labels.MANIFEST_HASH: "b"}
    applied = operator.ask(
        "PATCH",
        f"{path}?fieldManager=mlendpoints&force=true",
        body=asked,
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    assert applied.status_code == 200, applied.text


def stored(server: SyncClient, kind: str, namespace: str, **change: Any) -> str:  # noqa: ANN401 - any field
    """The path of a route of the operator's to which people have added something."""
    obj = a_route(kind, namespace, **change)
    server.ask("POST", folder(kind, obj), body=obj).raise_for_status()
    return f"{folder(kind, obj)}/{obj['metadata']['name']}"


def patched(user: SyncClient, path: str, **spec: Any) -> int:  # noqa: ANN401 - any field
    return user.ask("PATCH", path, body={"spec": spec}, headers=MERGE).status_code
