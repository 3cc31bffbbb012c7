"""Who may read the dashboard: whoever has the printed URL, and no other page of the same browser."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.apiserver.dashboard.conftest import PROGRAM, serving

Url = tuple[str, str]  # without and with the token


@pytest.fixture(scope="module")
def url(kubeconfig: Path) -> Iterator[Url]:
    with serving(kubeconfig, "-n", "default") as url:
        yield url.split("?")[0], url


@pytest.fixture
def browser(url: Url) -> Iterator[httpx2.Client]:
    """One that has opened the printed URL."""
    with httpx2.Client(base_url=url[0], trust_env=False) as client:
        assert client.get(url[1]).status_code == 200
        yield client


def test_without_the_token_nothing_is_shown(url: Url) -> None:
    for path in ("", "?token=wrong", "static/list.js", "events/lists", "endpoints/default/titanic"):
        answer = httpx2.get(f"{url[0]}{path}", trust_env=False)
        assert answer.status_code == 403
        assert "Open the address that" in answer.text


def test_the_token_gives_a_cookie_that_scripts_and_other_sites_cannot_use(url: Url) -> None:
    cookie = httpx2.get(url[1], trust_env=False).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert url[1].split("token=")[1] not in cookie


def test_whoever_has_the_cookie_sees_the_page(browser: httpx2.Client) -> None:
    assert "<h1>Endpoints</h1>" in browser.get("/").text


def test_a_request_for_another_host_is_rejected(browser: httpx2.Client, url: Url) -> None:
    port = url[0].split(":")[2].strip("/")
    for host in (f"attacker.example.com:{port}", "127.0.0.1", f"127.0.0.1.example.com:{port}"):
        assert browser.get("/", headers={"Host": host}).status_code == 421
    assert browser.get("/", headers={"Host": f"localhost:{port}"}).status_code == 200


def test_a_request_that_another_page_sends_is_rejected(browser: httpx2.Client) -> None:
    for site in ("cross-site", "same-site"):
        assert browser.get("/", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert browser.get("/", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_nothing_but_reading_is_allowed(browser: httpx2.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert browser.request(method, "/").status_code == 405


def test_no_script_style_or_frame_of_others_is_allowed(browser: httpx2.Client) -> None:
    policy = browser.get("/").headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"):
        assert rule in policy
    assert "unsafe" not in policy


def test_files_beside_those_of_the_page_are_not_served(browser: httpx2.Client) -> None:
    for path in ("/static/../serving.py", "/static/%2e%2e/serving.py", "/static/", "/endpoints/a/b/c"):
        assert browser.get(path).status_code == 404


def test_a_port_that_is_taken_and_ctrl_c_end_it_in_one_sentence(url: Url, kubeconfig: Path) -> None:
    command = [*PROGRAM, "--kubeconfig", str(kubeconfig), "dashboard"]
    taken = url[0].split(":")[2].strip("/")
    result = subprocess.run([*command, "--port", taken], check=False, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr == f"Error: Port {taken} cannot be used: Address already in use. Choose another one.\n"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "Interrupted.\n"
    assert process.returncode == 130
