import pytest

from mlendpoints.core.manifests.gateway import make_gateway
from tests.gen import an_endpoint, some_settings

CREDENTIALS = {"example.com": "wildcard", "titanic.example.com": "titanic"}


def test_a_host_is_open_to_routes_of_its_own_namespace_only() -> None:
    (server,) = make_gateway(an_endpoint(), some_settings())["spec"]["servers"]
    assert server == {"hosts": ["./titanic.example.com"], "port": {"name": "http", "number": 80, "protocol": "HTTP"}}


def test_the_selector_is_the_administrators() -> None:
    gateway = make_gateway(an_endpoint(), some_settings(gateway_selector={"istio": "inner"}))
    assert gateway["spec"]["selector"] == {"istio": "inner"}


@pytest.mark.parametrize(
    ("host", "credential"),
    [("a.titanic.example.com", "titanic"), ("titanic.example.com", "titanic"), ("olympic.example.com", "wildcard")],
)
def test_the_credential_of_the_longest_suffix_is_taken(host: str, credential: str) -> None:
    endpoint = an_endpoint(host=host, tls=True)
    (server,) = make_gateway(endpoint, some_settings(tls_credentials=CREDENTIALS))["spec"]["servers"]
    assert server["tls"] == {"mode": "SIMPLE", "credentialName": credential}
    assert server["port"] == {"name": "https", "number": 443, "protocol": "HTTPS"}


def test_tls_without_a_credential_is_never_served_in_the_clear() -> None:
    with pytest.raises(ValueError, match="no TLS credential"):
        make_gateway(an_endpoint(host="a.example.org", tls=True), some_settings(tls_credentials=CREDENTIALS))
