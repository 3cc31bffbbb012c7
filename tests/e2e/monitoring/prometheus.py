"""A Prometheus of the local cluster, as Grafana and people ask it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from tests.e2e.monitoring.callers import Counts
from tests.kit.waiting import wait_until

SECONDS = 30  # for an answer


class Prometheus:
    """The one at `url`."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.Client(base_url=f"{url}/api/v1", timeout=SECONDS, trust_env=False)

    def query(self, expression: str) -> Sequence[tuple[Mapping[str, str], float]]:
        """Labels and value of each series now, without those that have no number."""
        result = self._read("/query", query=expression)["result"]
        found = ((each["metric"], float(each["value"][1])) for each in result)
        return [(labels, value) for labels, value in found if value == value]  # noqa: PLR0124 - NaN differs from itself

    def label_values(self, label: str, series: str) -> set[str]:
        """Every value of a label of these series."""
        return set(self._read(f"/label/{label}/values", **{"match[]": series}))

    def rules(self) -> Mapping[str, str]:
        """Health of each rule."""
        groups = self._read("/rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def targets(self) -> Mapping[str, str]:
        """Each URL that is scraped -> `up`, or what is wrong."""
        found = self._read("/targets", state="active")["activeTargets"]
        return {each["scrapeUrl"]: "up" if each["health"] == "up" else str(each["lastError"]) for each in found}

    def firing(self, alert: str, **labels: str) -> bool:
        """Whether the alert fires with these labels."""
        wanted = labels | {"alertname": alert}
        alerts = (each for each in self._read("/alerts")["alerts"] if each["state"] == "firing")
        return any(wanted.items() <= each["labels"].items() for each in alerts)

    def counted(self, namespace: str, endpoint: str) -> Counts:
        """What it has ever seen of each pod of the last hour: counters start at 0 with their pod."""
        of = f'{{namespace="{namespace}", endpoint="{endpoint}"}}'
        series = self.query(f"sum by (variant, version, code) (max_over_time(mlendpoints_requests_total{of}[1h])) > 0")
        return Counter({(labels["variant"], labels["version"], labels["code"]): int(value) for labels, value in series})

    def close(self) -> None:
        """Ends its connections."""
        self._http.close()

    def _read(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        answer = self._http.get(path, params=parameters)
        assert answer.is_success, answer.text
        return answer.json()["data"]


def until_firing(prometheus: Prometheus, alert: str, **labels: str) -> None:
    """Waits until the alert fires with these labels."""
    wait_until(lambda: prometheus.firing(alert, **labels), f"{alert} fires for {labels}", pause=0.5)


def until_clear(prometheus: Prometheus, alert: str, **labels: str) -> None:
    """Waits until it no longer does."""
    wait_until(lambda: not prometheus.firing(alert, **labels), f"{alert} is clear for {labels}", pause=0.5)
