"""The answers of gateway pods to the probes of one endpoint."""

from collections.abc import Mapping

from msgspec import Struct

from mlendpoints.core.world import GatewayPod, Probe


class Answers(Struct, frozen=True):
    """The pods that answered as expected, and the unexpected answers of the others.

    By pod *and* address: a pod that was re-created under the same name has not answered yet.
    """

    expected: Mapping[Probe, frozenset[GatewayPod]] = {}
    unexpected: Mapping[Probe, Mapping[GatewayPod, str]] = {}

    def expected_of(self, pods: tuple[GatewayPod, ...]) -> dict[Probe, tuple[str, ...]]:
        """Names of those among ``pods`` that answered as expected."""
        return {probe: tuple(pod.name for pod in pods if pod in answered) for probe, answered in self.expected.items()}

    def unexpected_of(self, pods: tuple[GatewayPod, ...]) -> dict[Probe, dict[str, str]]:
        """Unexpected answers of those among ``pods``, by name."""
        return {
            probe: {pod.name: answers[pod] for pod in pods if pod in answers}
            for probe, answers in self.unexpected.items()
        }
