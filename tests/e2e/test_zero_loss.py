"""No request is lost while an endpoint changes: open-loop load through every gateway pod, ids matched with pods' logs.

The short form of ``python -m bench.zero_loss``; docs/explanation/zero-loss.md tells the method. No retries anywhere.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from bench.zero_loss.run import Place, Round, Size, run
from bench.zero_loss.updates import GATEWAY, KILLS, SWAP, WEIGHTS
from bench.zero_loss.verdict import Verdict
from tests.e2e.conftest import GATEWAY as SERVICE
from tests.kit.sync_client import SyncClient

REQUESTS, RATE = 20_000, 250.0
SHORT = Size(requests=REQUESTS, rate=RATE, rounds=[Round(0, (*WEIGHTS, *SWAP, KILLS, GATEWAY))])
SWAPS_ALONE = Size(requests=0, rate=RATE, rounds=[Round(0, SWAP)])
SEEDED = (sys.executable, "-m", "tests.e2e.operator_without_guard", "remove_before_the_shift")


@pytest.fixture
def place(server: SyncClient, kubeconfig: Path, is_local: bool) -> Place:  # noqa: ARG001, FBT001 (fixtures)
    if not is_local:
        pytest.skip("the load needs the gateway's pods within reach")
    return Place(kubeconfig=kubeconfig, gateway=SERVICE)


def told(verdict: Verdict) -> str:
    """The first losses, for whoever has to find the reason."""
    return "; ".join(f"{r.id} {r.status} {r.text} through {r.gateway}" for r in verdict.lost[:10])


def test_no_request_is_lost_or_doubled_by_edits_kills_and_the_loss_of_a_gateway_pod(place: Place) -> None:
    verdict = asyncio.run(run(place, SHORT))
    assert verdict.requests >= REQUESTS
    assert not verdict.lost, told(verdict)
    assert (verdict.doubled, verdict.unlogged, verdict.unknown) == ([], [], [])
    assert verdict.early == 0


def test_the_same_load_loses_requests_when_old_versions_are_removed_too_early(place: Place) -> None:
    seeded = Place(kubeconfig=place.kubeconfig, gateway=place.gateway, program=SEEDED)
    verdict = asyncio.run(run(seeded, SWAPS_ALONE))
    assert verdict.lost
