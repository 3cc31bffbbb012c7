"""Capture is turned on and off by updates like any other: no request is lost, and each one in between is captured."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.namespace import condition_of
from tests.e2e.node import node_address
from tests.e2e.objects import a_config, a_variant
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import Trial, a_trial
from tests.fetcher.s3_server import BUCKET, S3Server, s3_server
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

RATE = 25.0  # requests a second
ENOUGH = 200  # requests


@pytest.mark.side_by_side
def test_turning_capture_on_and_off_loses_no_request_and_no_record(rig: Rig) -> None:
    with trial_with_sink(rig, "captured") as (trial, s3):
        with rig.load(trial.host, rate=RATE) as load:
            known = trial.instances()
            update(trial, {"capture": capture(trial, BUCKET)})
            capturing = trial.newcomer(known)
            begin = time.monotonic()
            load.until_more(ENOUGH)
            end = time.monotonic()
            update(trial, {})
            load.until_more(ENOUGH)
        assert load.lost == []
        wait_until(lambda: not trial.pods(capturing), "the pods that captured are gone")
        records = shipped(s3)
    expected = {record.id for record in load.records if begin <= record.scheduled and record.ended <= end}
    assert len(expected) >= ENOUGH // 2
    assert expected - records.keys() == set()
    assert [name for name, count in records.items() if count > 1] == []
    assert records.keys() <= {record.id for record in load.records}


@pytest.mark.side_by_side
def test_a_sink_that_rejects_records_is_reported_while_requests_are_served(rig: Rig) -> None:
    with trial_with_sink(rig, "unshipped") as (trial, _):
        update(trial, {"capture": capture(trial, "absent")})
        with rig.load(trial.host, rate=RATE) as load:
            found = trial.namespace.until_condition(trial.name, "MonitoringReady", "False", reason="SinkUnavailable")
        assert load.lost == []
        assert condition_of(found, "Ready")["status"] == "True"


@contextmanager
def trial_with_sink(rig: Rig, name: str) -> Iterator[tuple[Trial, S3Server]]:
    """An endpoint that serves, and a server to which its pods may ship."""
    folder = rig.folder / name
    folder.mkdir()
    with s3_server(folder, node_address(rig.server)) as s3, a_trial(rig.namespace, name) as trial:
        make_secret(trial, s3)
        trial.make({"blue": (1, 1)})
        yield trial, s3


def make_secret(trial: Trial, s3: S3Server) -> None:
    """Lets the pods of one trial write to its server; trials of one namespace run side by side."""
    metadata = {"name": secret(trial)}
    trial.namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(s3.secret)})


def secret(trial: Trial) -> str:
    return f"{trial.name}-sink"


def capture(trial: Trial, bucket: str) -> Object:
    return {"sink": f"s3://{bucket}/traffic", "sinkSecret": secret(trial)}


def update(trial: Trial, blue: Object) -> None:
    """Writes the config, and waits until its version serves."""
    trial.namespace.apply(a_config(trial.name, a_variant("blue", trial.model("blue")) | blue))
    trial.until_ready()


def shipped(s3: S3Server) -> Counter[str]:
    """How many records of each request are in the sink."""
    lines = [line for content in s3.objects("traffic/captured/blue/").values() for line in content.splitlines()]
    records: list[dict[str, Any]] = list(map(json.loads, lines))
    return Counter(record["eventMetadata"]["inferenceId"] for record in records)
