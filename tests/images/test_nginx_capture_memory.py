"""What records take of nginx's memory at most, whatever is in the bodies: its limit covers it."""

import re
from pathlib import Path

import pytest

from mlendpoints.api.capture import MAX_BYTES, MAX_REDACTED_BYTES, Capture, Redaction
from mlendpoints.core.manifests.capture import BODIES, STATE, capture_memory
from tests.images.captured import JSON, Pod, capturing
from tests.images.test_nginx_counts import worker

pytestmark = pytest.mark.usefixtures("_base_unpacked")
PATHS = [["a"], ["[*]", "a"]]


def peak(pod: Pod) -> int:
    """MiB that the worker had in memory at most."""
    (most,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker(pod.proxy)}/status").read_text())
    return int(most) >> 10


def taken(pod: Pod, body: bytes) -> int:
    """MiB that one request with this body takes more than a small one."""
    pod.proxy.ask("POST", "/invocations", b"1", Content_Type=JSON)
    before = peak(pod)
    assert pod.proxy.ask("POST", "/invocations", body, Content_Type=JSON).body == body
    assert sum(pod.account().values()) == 2
    return peak(pod) - before


@pytest.mark.parametrize("unit", [b"a", b"\x01", b'"', b"\n", b"\xc3\xa9", b"\xff"])
def test_the_largest_bodies_are_copied_within_nginx_s_memory(unit: bytes, tmp_path: Path) -> None:
    with capturing(tmp_path, maxBytes=MAX_BYTES) as pod:
        room = capture_memory(Capture(sink="s3://captured", max_bytes=MAX_BYTES)) - BODIES - STATE
        assert taken(pod, unit * (MAX_BYTES // len(unit))) < room


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'{"a":1},', b"[[[[[[[[]]]]]]]],", b'"",', b"1,"])
def test_bodies_that_are_parsed_are_parsed_within_nginx_s_memory(unit: bytes, tmp_path: Path) -> None:
    with capturing(tmp_path, paths=PATHS) as pod:
        redacted = Redaction(json_paths=("$.a", "$[*].a"))
        room = capture_memory(Capture(sink="s3://captured", redact=redacted)) - BODIES - STATE
        assert taken(pod, b"[" + unit * ((MAX_REDACTED_BYTES - 2) // len(unit) - 1) + b"1]") < room
