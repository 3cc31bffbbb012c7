"""Sinks that reject, hang, fail and come back: nothing is lost, the reason is a word, and nothing secret is logged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shipper.failures import ADVICE, REJECTIONS
from tests.fetcher.s3_server import KEYS, S3Server
from tests.fetcher.web_server import WebServer
from tests.kit.ports import free_port
from tests.kit.waiting import wait_until
from tests.shipper import hostile as behaviors
from tests.shipper.hostile import Behavior, hostile, notes, redirecting
from tests.shipper.running import Pod, shipping, whole


@contextmanager
def failing(pod: Pod, sink: str, reason: str, **more: object) -> Iterator[None]:
    """The shipper, once it has reported the reason; nothing may be shipped by then."""
    pod.nginx().write(20, "x" * 1000)
    with shipping(pod.settings(sink, drain_seconds=0, **more)):
        pod.until_failing(reason)
        assert pod.account() == (0, 20, {})
        yield
    assert pod.account()[0] + pod.account()[1] == 20
    assert reason in ADVICE


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        (behaviors.hangs, "timeout"),
        (behaviors.is_silent, "timeout"),
        (behaviors.trickles, "timeout"),
        (behaviors.floods, "unreachable"),
        (behaviors.never_ends, "denied"),
        (behaviors.closes, "unreachable"),
        (behaviors.hangs_up, "unreachable"),
        (redirecting("http://169.254.169.254/latest/meta-data"), "redirected"),
        (redirecting("ftp://127.0.0.1/"), "invalid"),
        (redirecting("/again"), "redirected"),
        (redirecting(""), "redirected"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_server_that_misbehaves_keeps_nothing_waiting(behavior: Behavior, reason: str, pod: Pod) -> None:
    with hostile(behavior) as server, failing(pod, server.url, reason, request_seconds=0.5):
        pass


@pytest.mark.parametrize(
    ("path", "reason"),
    [("ranged", "rejected"), ("put-secret", "denied"), ("put-busy", "overloaded"), ("nowhere", "rejected")],
)
def test_a_server_that_rejects_is_reported_by_a_word(path: str, reason: str, pod: Pod, web: WebServer) -> None:
    with failing(pod, f"{web.url}/{path}", reason):
        assert web.stored() == {}


def test_nothing_listens(pod: Pod) -> None:
    with failing(pod, f"http://127.0.0.1:{free_port()}", "unreachable"):
        pass


@pytest.mark.parametrize(
    ("sink", "reason"),
    [
        ("http://no-such-host.invalid/", "unresolved"),
        ("http://169.254.169.254/latest", "blocked"),
        ("http://[::ffff:169.254.169.254]/", "blocked"),
        ("ftp://example.com/", "invalid"),
        ("http://exa mple:port/", "invalid"),
        ("s3://bucket?query", "invalid"),
        ("pvc://captured/../secrets", "invalid"),
        ("pvc://CAPTURED/", "invalid"),
    ],
)
def test_an_address_that_must_not_be_reached_is_not(sink: str, reason: str, pod: Pod) -> None:
    with failing(pod, sink, reason):
        pass


def test_an_unknown_authority_is_not_trusted(pod: Pod, web: WebServer) -> None:
    with failing(pod, f"https://localhost:{web.tls_port}/put", "untrusted"):
        assert web.stored() == {}


def test_a_bucket_that_does_not_exist_is_not_found(pod: Pod, s3: S3Server, capsys: pytest.CaptureFixture[str]) -> None:
    with failing(pod, "s3://no-such-bucket/", "not_found", credentials=pod.secret(s3.secret)):
        assert '"code": "NoSuchBucket"' in capsys.readouterr().out


def test_wrong_credentials_are_denied_and_not_told(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    with hostile(behaviors.denies) as server:
        secret = {**KEYS, "AWS_ENDPOINT_URL": server.url}
        with failing(pod, "s3://models/denied/", "denied", credentials=pod.secret(secret)):
            found = capsys.readouterr().out
    assert '"status": 403, "code": "InvalidAccessKeyId"' in found
    assert not any(value in found for value in (*secret.values(), "Signature"))


def test_keys_that_are_not_supported_are_invalid(pod: Pod, s3: S3Server) -> None:
    with failing(pod, "s3://models/", "invalid", credentials=pod.secret({**s3.secret, "AWS_NONSENSE": "1"})):
        pass


def test_credentials_do_not_follow_a_redirect_to_another_server(pod: Pod) -> None:
    secret = pod.secret({"token": "secret1"})
    with hostile(notes) as other, hostile(redirecting(other.url)) as server:
        with failing(pod, server.url, "redirected", credentials=secret):
            pass
        assert other.received == []


def test_credentials_of_the_url_are_neither_logged_nor_in_the_ledger(
    pod: Pod, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        hostile(behaviors.closes) as server,
        failing(pod, f"{server.url.replace('//', '//robot:secret1@')}/?sig=secret2", "unreachable"),
    ):
        found = capsys.readouterr().out + json.dumps(pod.ledger())
    assert "secret" not in found.replace("Secret", "")


def test_a_secret_that_arrives_later_is_used(pod: Pod, web: WebServer) -> None:
    folder = pod.secret({})
    pod.nginx().write(3)
    with shipping(pod.settings(f"{web.url}/put-secret", credentials=folder)):
        pod.until_failing("denied")
        pod.secret({"username": "robot", "password": "secret1"})
        pod.until_shipped()
    assert pod.ledger()["sink"] == {"ok": True, "reason": ""}
    assert pod.written == whole(web.stored())


def test_each_change_of_the_sink_is_one_line_of_the_log(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    pod.claim.rmdir()
    nginx = pod.nginx()
    nginx.write(3)
    with shipping(pod.settings("pvc://captured")):
        pod.until_failing("not_found")
        pod.until(lambda ledger: ledger["spooled"]["records"] == 3, "they are spooled")
        nginx.next_slot()
        nginx.write(2)
        pod.until(lambda ledger: ledger["spooled"]["records"] == 5, "more are spooled")
        pod.claim.mkdir()
        pod.until_shipped()
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == [
        "Failed to deliver captured traffic; retrying",
        "Captured traffic is delivered again",
        "Shipper is draining",
        "Shipper stopped",
    ]


def test_a_file_that_the_sink_finds_too_large_is_lost_and_the_next_one_delivered(pod: Pod, web: WebServer) -> None:
    nginx = pod.nginx()
    nginx.write(20, "x" * 1000)
    nginx.next_slot()
    nginx.write(1)
    with shipping(pod.settings(f"{web.url}/put-small")):
        pod.until(lambda ledger: ledger["shipped"]["records"] == 1, "the small file is shipped")
    assert pod.account() == (1, 0, {"too_large": 20})
    assert whole(web.stored()) == pod.written[-1:]


@pytest.mark.parametrize("path", ["put-400", "put-422"])
def test_a_file_whose_content_is_rejected_again_and_again_blocks_no_others(
    path: str, pod: Pod, web: WebServer, capsys: pytest.CaptureFixture[str]
) -> None:
    nginx = pod.nginx()
    nginx.write(20, "x" * 1000)
    nginx.next_slot()
    nginx.write(1)
    with shipping(pod.settings(f"{web.url}/{path}")):
        pod.until_failing("rejected")
        pod.until(lambda ledger: ledger["shipped"]["records"] == 1, "the other file is shipped")
    assert pod.account() == (1, 0, {"rejected": 20})
    assert whole(web.stored()) == pod.written[-1:]
    assert len([request for request in web.asked() if request["status"] != 201]) == REJECTIONS
    assert '"reason": "rejected", "records": 20' in capsys.readouterr().out


def test_a_store_that_rejects_its_requests_loses_nothing(pod: Pod) -> None:
    """As for an expired token, or a wrong region."""
    with hostile(behaviors.rejects_with_code) as server:
        secret = pod.secret({**KEYS, "AWS_ENDPOINT_URL": server.url})
        with failing(pod, "s3://models/", "rejected", credentials=secret):
            wait_until(lambda: server.received[REJECTIONS + 1 :], "more attempts than for content")
            assert pod.account() == (0, 20, {})


def test_the_ledger_stays_current_while_the_sink_hangs(pod: Pod) -> None:
    nginx = pod.nginx()
    nginx.write(1)
    with hostile(behaviors.is_silent) as server, shipping(pod.settings(server.url, drain_seconds=0)):
        pod.until(lambda ledger: server.received and ledger["spooled"]["records"] == 1, "the upload has begun")
        nginx.next_slot()
        nginx.write(2)
        pod.until(lambda ledger: ledger["spooled"]["records"] == 3, "three records are spooled")
