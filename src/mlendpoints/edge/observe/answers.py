"""What gateway pods answered to the questions of one endpoint."""

from collections.abc import Mapping

from msgspec import Struct

from mlendpoints.core.world import GatewayPod, Probe


class Answers(Struct, frozen=True):
    """The pods that answered as expected, and what the others said instead.

    By pod *and* address: a pod that was re-created under its name has answered nothing yet.
    """

    expected: Mapping[Probe, frozenset[GatewayPod]] = {}
    unexpected: Mapping[Probe, Mapping[GatewayPod, str]] = {}

    def expected_of(self, pods: tuple[GatewayPod, ...]) -> dict[Probe, tuple[str, ...]]:
        """Names of those among ``pods`` that answered as expected."""
        return {probe: tuple(pod.name for pod in pods if pod in answered) for probe, answered in self.expected.items()}

    def unexpected_of(self, pods: tuple[GatewayPod, ...]) -> dict[Probe, dict[str, str]]:
        """What those among ``pods`` answered instead, by name."""
        return {
            probe: {pod.name: answers[pod] for pod in pods if pod in answers}
            for probe, answers in self.unexpected.items()
        }
