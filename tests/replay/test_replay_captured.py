"""What the proxy of a pod really captures is replayed, and replays are recognized in what it captures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.images.captured import JSON, Pod, capturing
from tests.images.processes import until
from tests.replay.running import Replay
from tests.replay.targets import Answer, Received, target

pytestmark = pytest.mark.usefixtures("_base_unpacked")
Run = Callable[..., Replay]
BODIES = [
    (JSON, b'{"name": "Rose \xe2\x80\xa6", "fare": 7.25}'),
    ("text/csv", b"class,sex,age\n1st,female,adult\n"),
    ("application/octet-stream", bytes(range(256)) * 20),
    ("application/jsonlines", b'{"a":1}\n{"a":2}\n'),
    (JSON, b"{broken"),
    (JSON, b""),
]


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    with capturing(tmp_path, environment={"INSTANCE": "rfc-1", "ENDPOINT": "titanic", "VARIANT": "blue"}) as running:
        for content_type, body in BODIES:
            running.proxy.ask("POST", "/invocations", body, Content_Type=content_type, Authorization="Bearer canary")
        until(lambda: len(running.records()) == len(BODIES))
        yield running


def echo(received: Received) -> Answer:
    return Answer(received.body, headers={"Content-Type": received.headers["Content-Type"]})


def test_requests_that_a_proxy_has_captured_are_sent_byte_for_byte(pod: Pod, replay: Run) -> None:
    with target(echo) as candidate:
        found = replay(pod.spool, candidate.url, "--connections", "1", "--speed", "1")
    assert [(each.headers["Content-Type"], each.body) for each in candidate.received] == BODIES
    assert "canary" not in str([each.headers for each in candidate.received])
    assert (found.code, found.report["comparison"]["matched"]) == (0, len(BODIES)), found.report
    assert found.report["latency"]["requests"] == len(BODIES)


def test_a_replay_of_a_pod_to_itself_is_skipped_and_recognized_where_it_is_allowed(pod: Pod, replay: Run) -> None:
    own = f"http://127.0.0.1:{pod.proxy.port}"
    assert "own_source 6" in replay(pod.spool, own).said
    assert replay(pod.spool, own, "--allow-same-target").report["records"]["responses"] == len(BODIES)
    until(lambda: len(pod.records()) == 2 * len(BODIES))
    with target(echo) as candidate:
        again = replay(pod.spool, candidate.url)
    assert again.report["records"]["skipped"] == {"replayed": len(BODIES)}
