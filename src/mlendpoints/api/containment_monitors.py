"""What the operator's PodMonitors may say: the part of its admission policy about them.

Prometheus reads them with rights of its own: they could make it send its token
or a Secret to any address, scrape the pods of others, or replace their metrics.
So those of the operator select the pods of one endpoint or MLModel of their own
namespace by labels that only the operator writes, and say of the scrape what the
operator says, in exactly these fields.
"""

from typing import Final

from mlendpoints.api import labels
from mlendpoints.api.monitoring import METRICS_PATH, PORT_NAME, RELABELINGS, SAMPLE_LIMIT
from mlendpoints.api.policy import Manifest, deny_unless

_OTHERS: Final = "!variables.writes || variables.kind != 'podmonitors' || "
_SPEC: Final = ("selector", "sampleLimit", "podMetricsEndpoints")
_ENDPOINT: Final = ("port", "path", "interval", "relabelings")
_LABELS: Final = "object.spec.selector.?matchLabels.orValue({})"
_RELABELINGS: Final = str([dict(relabeling) for relabeling in RELABELINGS])


def make_validations() -> list[Manifest]:
    """The checks of PodMonitors."""
    return [
        deny_unless(
            f"{_OTHERS}!has(object.spec.selector.matchExpressions) && "
            f"{_LABELS}[?'{labels.MANAGED_BY}'].orValue('') == '{labels.MANAGER}' && "
            f"(size({_LABELS}) == 2 && {_names(labels.ENDPOINT, '-metrics')} || "
            f"size({_LABELS}) == 3 && {_names(labels.MLMODEL, '-monitor')} && "
            f"{_LABELS}[?'{labels.COMPONENT}'].orValue('') == 'mlmodel')",
            "writes PodMonitors for the pods of the endpoint or MLModel that they are named after",
        ),
        deny_unless(
            f"{_OTHERS}object.spec.all(key, key in {list(_SPEC)} || oldObject != null && key in oldObject.spec && "
            "object.spec[key] == oldObject.spec[key]) && "
            f"object.spec.?sampleLimit.orValue(0) == {SAMPLE_LIMIT} && "
            "size(object.spec.?podMetricsEndpoints.orValue([])) == 1 && "
            f"object.spec.podMetricsEndpoints.all(endpoint, endpoint.all(key, key in {list(_ENDPOINT)}) && "
            f"endpoint.?port.orValue('') == '{PORT_NAME}' && endpoint.?path.orValue('') == '{METRICS_PATH}' && "
            f"endpoint.?relabelings.orValue([]) == {_RELABELINGS})",
            f"writes PodMonitors that scrape {METRICS_PATH} at the port {PORT_NAME}",
        ),
    ]


def _names(label: str, suffix: str) -> str:
    return f"{_LABELS}[?'{label}'].orValue('') + '{suffix}' == object.metadata.name"
