"""What the operator's NetworkPolicies may say: the part of its admission policy about them.

NetworkPolicies are additive: each one can only allow more. So those of the
operator select the pods of one endpoint, and allow the gateway to reach the
proxies, the administrator's peers the monitoring port, and nothing else.
"""

from typing import Final

from mlendpoints.api import labels
from mlendpoints.api.monitoring import METRICS_PORT
from mlendpoints.api.policy import Manifest, deny_unless

PROXY_PORT: Final = 8088
_OTHERS: Final = "!variables.writes || variables.kind != 'networkpolicies' || "
_LABELS: Final = "object.spec.podSelector.?matchLabels.orValue({})"


def make_validations() -> list[Manifest]:
    """The checks of NetworkPolicies."""
    return [
        deny_unless(
            f"{_OTHERS}!has(object.spec.podSelector.matchExpressions) && size({_LABELS}) == 3 && "
            f"{_LABELS}[?'{labels.ENDPOINT}'].orValue('') + '-models' == object.metadata.name && "
            f"{_LABELS}[?'{labels.COMPONENT}'].orValue('') == 'model' && "
            f"{_LABELS}[?'{labels.MANAGED_BY}'].orValue('') == '{labels.MANAGER}'",
            "writes NetworkPolicies for the pods of the endpoint that they are named after",
        ),
        deny_unless(
            f"{_OTHERS}object.spec.policyTypes == ['Ingress'] && !has(object.spec.egress) && "
            "object.spec.?ingress.orValue([]).all(rule, size(rule.?ports.orValue([])) == 1 && "
            "size(rule.?from.orValue([])) > 0 && !has(rule.ports[0].endPort) && "
            f"(rule.ports[0].port == {METRICS_PORT} || rule.ports[0].port == {PROXY_PORT} && "
            "rule.from.all(peer, !has(peer.ipBlock) && "
            "peer.?namespaceSelector.?matchLabels.orValue({}) == {'kubernetes.io/metadata.name': variables.gateway} && "
            "peer.?podSelector.?matchLabels.orValue({}) == variables.selector)))",
            f"writes NetworkPolicies that open port {PROXY_PORT} to the gateway's pods, and port {METRICS_PORT}",
        ),
    ]
