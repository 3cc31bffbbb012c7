"""Pending proofs in words: which gateway pod was probed for what, what it answered, and what to check."""

from collections.abc import Iterable

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.world import Probe, Rejection

_ROUTING = frozenset({"Gateway", "VirtualService", EndpointConfig.KIND})
_SHOWN = 3  # gateway pods in a message
_REJECTED = frozenset({"status 401", "status 403"})
_UNREACHED = frozenset({"timed out", "connection refused", "connection reset", "connection failed"})
_TIMED = "set proof.mode: timed in the operator's settings"


def routing_rejections(view: View) -> list[Rejection]:
    """The rejected writes without which callers reach nothing: all but the parts of instances, and metrics."""
    return [rejection for ref, rejection in sorted(view.world.rejections.items()) if ref.kind in _ROUTING]


def no_gateway(view: View) -> str:
    """The message if there is no gateway pod to probe."""
    return f"The gateway's Service {view.world.settings.gateway_service} has no serving pod to probe."


def pending_probes(view: View, questions: Iterable[Probe]) -> dict[str, Probe]:
    """Gateway pods that have not answered as expected yet, each with the first probe that it failed."""
    found: dict[str, Probe] = {}
    for question in questions:
        for pod in view.pending_gateways(question):
            found.setdefault(pod, question)
    return dict(sorted(found.items()))


def answers_of(view: View, pending_gateways: dict[str, Probe]) -> dict[str, str]:
    """What pending gateway pods answered instead; without those that gave no answer."""
    found = ((pod, view.world.unexpected.get(probe, {}).get(pod, "")) for pod, probe in pending_gateways.items())
    return {pod: answer for pod, answer in found if answer}


def describe_pending(view: View, questions: Iterable[Probe]) -> str:
    """The pending gateway pods, their answers, and what to do; empty if there are none."""
    pending = pending_probes(view, questions)
    if not pending:
        return ""
    answers = answers_of(view, pending)
    shown = [_describe(pod, probe, answers.get(pod, "")) for pod, probe in list(pending.items())[:_SHOWN]]
    more = f"; {len(pending) - _SHOWN} more" if len(pending) > _SHOWN else ""
    return f"{len(pending)} of {len(view.world.gateways)} gateway pods: {'; '.join(shown)}{more}. {_advice(answers)}"


def _describe(pod: str, probe: Probe, answer: str) -> str:
    scheme = "https" if probe.tls else "http"
    outcome = f"answered: {answer}" if answer else "has not answered yet"
    return f"{pod}, probed with {scheme}://{probe.host}{probe.path}, {outcome}"


def _advice(answers: dict[str, str]) -> str:
    given = set(answers.values())
    if given and given <= _REJECTED:
        return (
            "An AuthorizationPolicy or an external authorizer rejects these requests:"
            f" exempt the paths below /.well-known/mlendpoints/, or {_TIMED}."
        )
    if given and given <= _UNREACHED:
        return f"Check that the operator can reach the gateway's pods (NetworkPolicy), or {_TIMED}."
    if "TLS handshake failed" in given:
        return "Check that the TLS credential's Secret exists in the namespace of the gateway's pods."
    return "If this persists, check istiod with `istioctl proxy-status`."
