"""The local cluster's Prometheus, and one of the tests' own for alerts that fire within seconds."""

import re
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
import yaml

from cluster import prometheus
from cluster.settings import settings_from_environment
from hack import rules
from tests.e2e.monitoring.prometheus import Prometheus
from tests.kit.sync_client import SyncClient

THRESHOLDS = {"modelLatencySeconds": 0.2, "concurrentRequests": 3, "queueDepth": 10}
WINDOW, FOR, INTERVAL = "20s", "4s", "2s"


@pytest.fixture(scope="session")
def addon(server: SyncClient, is_local: bool) -> Iterator[Prometheus]:  # noqa: ARG001, FBT001 (fixtures)
    """The add-on, as `make cluster-up ADDONS=prometheus` installs it."""
    url = prometheus.prometheus_url(settings_from_environment()) if is_local else ""
    if not url:
        pytest.skip("needs the local cluster's Prometheus: make cluster-up ADDONS=prometheus")
    with closing(Prometheus(url)) as found:
        yield found


@pytest.fixture(scope="session")
def quick(addon: Prometheus) -> Iterator[Prometheus]:  # noqa: ARG001 (its image is there)
    """Another one, with the chart's rules over shorter times, and some thresholds that a test can exceed."""
    settings, namespace = settings_from_environment(), f"prometheus-{uuid.uuid4().hex[:8]}"
    configuration = yaml.safe_load((prometheus.CONFIGURATION / "prometheus.yaml").read_text())
    configuration["global"] = {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
    try:
        files = {"prometheus.yaml": yaml.safe_dump(configuration), "rules.yaml": quick_rules()}
        prometheus.start_prometheus(settings, files, namespace)
        with closing(Prometheus(prometheus.prometheus_url(settings, namespace))) as started:
            yield started
    finally:
        prometheus.remove_prometheus(settings, namespace)


def quick_rules() -> str:
    """The rules of the chart, with all times shortened."""
    text = (rules.CHART / "files" / "rules.yaml").read_text()
    for name, value in {**rules.thresholds(), **THRESHOLDS}.items():
        text = text.replace(f"@{name}@", str(value))
    text = text.replace("[5m]", f"[{WINDOW}]")
    return re.sub(r"^(\s+for: ).*$", rf"\g<1>{FOR}", text, flags=re.MULTILINE)
