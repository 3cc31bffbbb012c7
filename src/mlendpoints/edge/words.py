"""Gauges that are 1 for the word that an object says, such as its state: two small values in memory for each series.

``prometheus_client`` keeps about 0.9 KiB for each series of a ``Gauge``.
"""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Words(Collector):
    """One series for each set of labels, with its word as a further label."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry) -> None:
        """``labels``: their names; the last is that of the word."""
        self._name, self._documentation, self._labels = name, documentation, labels
        self._words: dict[tuple[str, ...], str] = {}
        registry.register(self)

    def show(self, *labels: str, word: str) -> None:
        """Replaces the word of these labels; removes their series if it is empty."""
        if word:
            self._words[labels] = word
        else:
            self._words.pop(labels, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All series. May run in another thread than ``show``: a copy of the dictionary is taken in one step."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, word in self._words.copy().items():
            family.add_metric((*labels, word), 1)
        yield family
