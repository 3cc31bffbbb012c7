"""What gateway pods that lag answered, in words: who was asked for what, and what to look at."""

from collections.abc import Iterable

from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.world import Probe, Refusal

_ROUTING = frozenset({"Gateway", "VirtualService", EndpointConfig.KIND})
_TOLD = 3  # gateway pods in a message
_REJECTED = frozenset({"status 401", "status 403"})
_UNREACHED = frozenset({"timed out", "connection refused", "connection reset", "connection failed"})
_TIMED = "set proof.mode: timed in the operator's settings"


def routing_refusals(view: View) -> list[Refusal]:
    """The refused writes without which callers reach nothing: all but the parts of instances, and metrics."""
    return [refusal for ref, refusal in sorted(view.world.refusals.items()) if ref.kind in _ROUTING]


def no_gateway(view: View) -> str:
    """What to say where there is nobody to ask."""
    return f"The gateway's Service {view.world.settings.gateway_service} has no serving pod that could be asked."


def lagging_pods(view: View, questions: Iterable[Probe]) -> dict[str, Probe]:
    """Gateway pods that have not answered as expected yet, each with the first question that it failed."""
    found: dict[str, Probe] = {}
    for question in questions:
        for pod in view.lagging(question):
            found.setdefault(pod, question)
    return dict(sorted(found.items()))


def answers_of(view: View, lagging: dict[str, Probe]) -> dict[str, str]:
    """What lagging gateway pods answered instead, those that have been asked and did answer."""
    said = ((pod, view.world.unexpected.get(probe, {}).get(pod, "")) for pod, probe in lagging.items())
    return {pod: answer for pod, answer in said if answer}


def tell_lagging(view: View, questions: Iterable[Probe]) -> str:
    """Who lags, by what it answered, and what to do; empty if nobody does."""
    lagging = lagging_pods(view, questions)
    if not lagging:
        return ""
    answers = answers_of(view, lagging)
    told = [_told(pod, probe, answers.get(pod, "")) for pod, probe in list(lagging.items())[:_TOLD]]
    more = f"; {len(lagging) - _TOLD} more" if len(lagging) > _TOLD else ""
    return f"{len(lagging)} of {len(view.world.gateways)} gateway pods: {'; '.join(told)}{more}. {_advice(answers)}"


def _told(pod: str, probe: Probe, answer: str) -> str:
    scheme = "https" if probe.tls else "http"
    said = f"it answered: {answer}" if answer else "it has not answered yet"
    return f"asked {scheme}://{probe.host}{probe.path} through gateway pod {pod}, {said}"


def _advice(answers: dict[str, str]) -> str:
    said = set(answers.values())
    if said and said <= _REJECTED:
        return (
            "An AuthorizationPolicy or an external authorizer rejects these requests:"
            f" exempt the paths below /.well-known/mlendpoints/, or {_TIMED}."
        )
    if said and said <= _UNREACHED:
        return f"Check that the operator may reach the gateway's pods (NetworkPolicy), or {_TIMED}."
    if "TLS handshake failed" in said:
        return "Check that the TLS credential's Secret exists in the namespace of the gateway's pods."
    return "If this lasts, check istiod with `istioctl proxy-status`."
