"""Which addresses may be connected to, whatever name or redirect leads there."""

import socket
from ipaddress import ip_network

import pytest

from fetcher.__main__ import main
from outbound.dial import proxy_of, target
from outbound.failures import RequestFailed
from outbound.guard import Guard
from tests.unit.fetcher.origin import Answer, member, serving, tar_gz
from tests.unit.fetcher.running import Place

REJECTED = {
    "127.0.0.1": "loopback",
    "127.8.9.10": "loopback",
    "::1": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "64:ff9b::7f00:1": "loopback",
    "2002:7f00:1::": "loopback",
    "::127.0.0.1": "loopback",
    "169.254.0.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "::ffff:169.254.1.1": "link-local",
    "169.254.169.254": "metadata",
    "fd00:ec2::254": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "192.0.0.192": "metadata",
    "64:ff9b::a9fe:a9fe": "metadata",
    "64:ff9b:1:a9fe:a9:fe00::": "metadata",
    "64:ff9b:1:a9:fe:a9fe::": "metadata",
    "64:ff9b:1:0:a9:fea9:fe00::": "metadata",
    "64:ff9b:1::a9fe:a9fe": "metadata",
    "64:ff9b:1:1234::7f00:1": "loopback",
    "::ffff:0:169.254.169.254": "metadata",
    "::ffff:0:127.0.0.1": "loopback",
    "2a00::5efe:127.0.0.1": "loopback",
    "2a00::200:5efe:169.254.169.254": "metadata",
    "0.0.0.0": "a multicast, broadcast or unspecified address",
    "0.1.2.3": "a multicast, broadcast or unspecified address",
    "::": "a multicast, broadcast or unspecified address",
    "255.255.255.255": "a multicast, broadcast or unspecified address",
    "224.0.0.1": "a multicast, broadcast or unspecified address",
    "ff02::1": "a multicast, broadcast or unspecified address",
}
ARCHIVE = tar_gz(member("a", b"1"))


@pytest.mark.parametrize("address", REJECTED)
def test_what_only_this_machine_may_reach_is_refused(address: str) -> None:
    with pytest.raises(RequestFailed, match=REJECTED[address]):
        Guard().check(address)


@pytest.mark.parametrize(
    "address", ["10.96.0.1", "192.168.1.1", "172.16.0.1", "93.184.215.14", "2a00::1", "fd12::1", "64:ff9b:1::5db8:d70e"]
)
def test_what_a_network_can_reach_is_allowed(address: str) -> None:
    Guard().check(address)


@pytest.mark.parametrize(("network", "address"), [("127.0.0.2/32", "127.0.0.2"), ("fe80::/10", "fe80::1%eth0")])
def test_what_the_administrator_allows_is_allowed(network: str, address: str) -> None:
    Guard((ip_network(network),)).check(address)
    with pytest.raises(RequestFailed):
        Guard((ip_network(network),)).check("127.0.0.3")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::1]"])
def test_no_spelling_of_a_host_leads_inside(host: str, place: Place) -> None:
    arguments = [*place.arguments(f"http://{host}:9/model.tar.gz"), "--attempts", "1"]
    arguments[arguments.index("127.0.0.0/8")] = "192.0.2.0/24"
    assert main(arguments) == 10
    assert "which is blocked" in place.said()["message"]


def test_a_name_with_one_forbidden_address_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("127.0.0.1", "169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert main([*place.arguments("http://rebound.example.com/x"), "--attempts", "1"]) == 10
    assert "a metadata service" in place.said()["message"]


def test_a_redirect_is_judged_as_the_first_address_is(place: Place) -> None:
    with serving(Answer(status=302, headers={"Location": "http://127.0.0.2:9/"})) as origin:
        arguments = place.arguments(f"{origin.url}/model.tar.gz")
        arguments[arguments.index("127.0.0.0/8")] = "127.0.0.1/32"
        assert main(arguments) == 10
    assert "127.0.0.2, a loopback address" in place.said()["message"]


@pytest.mark.parametrize("scheme", ["ftp", "file", "gopher"])
def test_redirects_to_other_schemes_are_not_followed(scheme: str, place: Place) -> None:
    with serving(Answer(status=302, headers={"Location": f"{scheme}:///etc/passwd"})) as origin:
        assert place.run(origin) == 10
    assert "only http and https" in place.said()["message"]


def test_the_environment_allows_addresses_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_INIT_ALLOWED_ADDRESSES", "192.0.2.0/24, 127.0.0.0/8")
    with serving(Answer(ARCHIVE)) as origin:
        arguments = place.arguments(f"{origin.url}/model.tar.gz")
        at = arguments.index("--allow-address")
        assert main(arguments[:at] + arguments[at + 2 :]) == 0


def test_secrets_do_not_go_along_to_another_server(place: Place) -> None:
    with serving(Answer(ARCHIVE)) as other, serving(Answer()) as origin:
        origin.answers[:] = [Answer(status=302, headers={"Location": f"{other.url}/elsewhere"})]
        folder = place.secret({"token": "secret1"})
        assert place.run(origin, "--credentials", str(folder)) == 0
    assert origin.requests[0]["authorization"] == "Bearer secret1"
    assert "authorization" not in other.requests[0]


def test_a_proxy_is_asked_where_the_environment_names_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Answer(ARCHIVE)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:pass@"))
        assert main(place.arguments("http://models.example.com/model.tar.gz?a=b")) == 0
    assert proxy.requests[0]["path"] == "http://models.example.com/model.tar.gz?a=b"
    assert proxy.requests[0]["host"] == "models.example.com"
    assert proxy.requests[0]["proxy-authorization"].startswith("Basic ")


@pytest.mark.parametrize("exceptions", ["127.0.0.1", "10.0.0.0/8, 127.0.0.0/8", "*", "::1,nonsense/99,127.0.0.1/24"])
def test_a_proxy_is_not_asked_for_what_it_is_not_for(
    exceptions: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", exceptions)
    with serving(Answer(ARCHIVE)) as origin:
        assert place.run(origin) == 0


@pytest.mark.parametrize(
    ("url", "exceptions", "is_asked"),
    [
        ("http://10.1.2.3:9000/x", "10.0.0.0/8", False),
        ("http://11.1.2.3/x", "10.0.0.0/8", True),
        ("http://[fd00::7]:80/x", ".svc,fd00::/8", False),
        ("http://[2a00::7]/x", ".svc,fd00::/8", True),
        ("http://store.team.svc/x", ".svc,10.0.0.0/8", False),
        ("http://10.example.com/x", "10.0.0.0/8", True),
    ],
)
def test_no_proxy_may_name_networks(
    url: str, exceptions: str, monkeypatch: pytest.MonkeyPatch, *, is_asked: bool
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", exceptions)
    assert bool(proxy_of(target(url))) is is_asked


def test_no_proxy_is_a_way_inside(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Answer(ARCHIVE)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert main(place.arguments("http://169.254.169.254/latest/meta-data")) == 10
    assert proxy.requests == []
