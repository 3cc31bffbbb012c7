import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.manifests.gateway import make_gateway
from mlendpoints.core.world import Listener, Settings
from tests.kit.builders import an_endpoint, requested_listeners, some_settings

CREDENTIALS = {"example.com": "wildcard", "titanic.example.com": "titanic"}


def made(endpoint: Endpoint, settings: Settings) -> Manifest:
    return make_gateway(endpoint, settings, requested_listeners(endpoint, settings))


def test_a_host_is_open_to_routes_of_its_own_namespace_only() -> None:
    (server,) = made(an_endpoint(), some_settings())["spec"]["servers"]
    assert server == {"hosts": ["./titanic.example.com"], "port": {"name": "http", "number": 80, "protocol": "HTTP"}}


def test_the_selector_is_the_administrators() -> None:
    gateway = made(an_endpoint(), some_settings(gateway_selector={"istio": "inner"}))
    assert gateway["spec"]["selector"] == {"istio": "inner"}


@pytest.mark.parametrize(
    ("host", "credential"),
    [("a.titanic.example.com", "titanic"), ("titanic.example.com", "titanic"), ("olympic.example.com", "wildcard")],
)
def test_the_credential_of_the_longest_suffix_is_taken(host: str, credential: str) -> None:
    endpoint = an_endpoint(host=host, tls=True)
    (server,) = made(endpoint, some_settings(tls_credentials=CREDENTIALS))["spec"]["servers"]
    assert server["tls"] == {"mode": "SIMPLE", "credentialName": credential}
    assert server["port"] == {"name": "https", "number": 443, "protocol": "HTTPS"}


def test_tls_without_a_credential_is_never_served_in_the_clear() -> None:
    endpoint = an_endpoint(host="a.example.org", tls=True)
    assert requested_listeners(endpoint, some_settings(tls_credentials=CREDENTIALS)) == ()


def test_doors_of_one_protocol_differ_by_their_names() -> None:
    servers = make_gateway(an_endpoint(), some_settings(), (Listener(8080), Listener(443, "wildcard"), Listener(80)))
    assert [server["port"]["name"] for server in servers["spec"]["servers"]] == ["http", "https", "http-80"]


@given(listeners=st.lists(st.builds(Listener, st.integers(1, 65535), st.sampled_from(["", "wildcard"])), max_size=4))
def test_a_gateway_is_read_back_as_the_doors_it_was_made_of(listeners: list[Listener]) -> None:
    assert parse_listeners(make_gateway(an_endpoint(), some_settings(), tuple(listeners))) == tuple(listeners)


@pytest.mark.parametrize("spec", [{"servers": 1}, {"servers": [{}]}, {"servers": [{"port": {"number": "x"}}]}, None])
def test_a_gateway_edited_beyond_recognition_has_no_doors(spec: object) -> None:
    assert parse_listeners({"spec": spec}) == ()
