"""The pod's real nginx captures, and the shipper delivers: both sides of the account agree."""

import json

import pytest

from tests.images.captured import JSON, RECORDS, capturing
from tests.images.metered import metrics
from tests.images.processes import Running, until
from tests.shipper.running import Pod, shipping, whole

pytestmark = pytest.mark.usefixtures("_base_unpacked")


def total(proxy: Running, name: str, **labels: str) -> int:
    samples = metrics(proxy)[name].samples
    return sum(int(sample.value) for sample in samples if labels.items() <= sample.labels.items())


def test_what_nginx_captures_is_shipped_and_both_accounts_agree(pod: Pod) -> None:
    with capturing(pod.scratch) as running:
        for number in range(20):
            running.proxy.ask("POST", "/invocations", b'{"number": %d}' % number, Content_Type=JSON)
        until(lambda: len(running.records()) == 20)
        with shipping(pod.settings("pvc://captured")):
            pod.until(lambda ledger: ledger["spooled"]["records"] or ledger["shipped"]["records"], "it has looked")
        assert pod.account() == (20, 0, {})
        assert total(running.proxy, RECORDS, result="captured") == 20
        assert total(running.proxy, "mlendpoints_capture_shipped_total") == 20
        assert total(running.proxy, "mlendpoints_capture_spooled_records") == 0
        assert total(running.proxy, "mlendpoints_capture_sink_up") == 1
    found = [json.loads(line) for line in whole(pod.on_claim())]
    assert {record["captureData"]["endpointInput"]["data"] for record in found} == {
        f'{{"number": {number}}}' for number in range(20)
    }
