"""What the operator may write into the metadata of its objects: the part of its admission policy about all kinds.

Metadata reaches as far as a spec. By an annotation of a Service or a Gateway,
controllers publish DNS names, order load balancers and certificates; by a label,
a Service changes its proxy; a finalizer keeps an object for good. So the keys
are those that the operator writes, and those that the administrator allows
because webhooks of the cluster add them. Existing entries may stay as long as
they do not change.
"""

from typing import Final

from mlendpoints.api import labels
from mlendpoints.api.meta import GROUP
from mlendpoints.api.monitoring import SCRAPE, WHERE
from mlendpoints.api.policy import Manifest, deny_unless

LABELS: Final = (
    labels.NAME,
    labels.INSTANCE,
    labels.COMPONENT,
    labels.PART_OF,
    labels.MANAGED_BY,
    labels.APP_VERSION,
    labels.ENDPOINT,
    labels.VARIANT,
    labels.MODEL,
    labels.MLMODEL,
    labels.MODEL_VERSION,
    labels.ISTIO_APP,
    labels.ISTIO_VERSION,
)
FINALIZERS: Final = (labels.ROUTES_FINALIZER, labels.VOLUME_FINALIZER)
# The API server adds these to claims and volumes as they are created.
PROTECTION: Final = ("kubernetes.io/pvc-protection", "kubernetes.io/pv-protection")
ADDED: Final = ("cloud.google.com/neg",)  # by a webhook, to Services; replaced by the chart: allowedMetadata

VARIABLES: Final = {
    "added": str(list(ADDED)),
    "monitorLabels": "{}",  # of PodMonitors; replaced by the chart: monitoring.podMonitorLabels
    "scraped": str(
        {SCRAPE: ["true", "false"], **{key: [value] for key, value in WHERE.items()}}
    ),  # annotations of Services
    "labels": "object.metadata.?labels.orValue({})",
    "annotations": "object.metadata.?annotations.orValue({})",
    "finalizers": "object.metadata.?finalizers.orValue([])",
    "labelsBefore": "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})",
    "annotationsBefore": "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})",
    "finalizersBefore": "oldObject == null ? [] : oldObject.metadata.?finalizers.orValue([])",
}
STAYS: Final = "and leaves those that others added unchanged; allow what a webhook adds with allowedMetadata"


def as_before(name: str) -> str:
    """Whether an entry of the variable ``name``, a map, is unchanged.

    Checked first: others may have added thousands, and any other check of each takes the API server longer.
    """
    return f"key in variables.{name}Before && variables.{name}[key] == variables.{name}Before[key]"


def make_validations() -> list[Manifest]:
    """The checks of labels, annotations and finalizers, for all kinds."""
    return [
        deny_unless(
            f"!variables.writes || variables.labels.all(key, {as_before('labels')} || "
            f"key in {list(LABELS)} || key in variables.added || variables.kind == 'podmonitors' && "
            "key in variables.monitorLabels && variables.monitorLabels[key] == variables.labels[key])",
            f"gives objects its own labels only, {STAYS}",
        ),
        deny_unless(
            f"!variables.writes || variables.annotations.all(key, {as_before('annotations')} || "
            f"key.startsWith('{GROUP}/') || key in variables.added || variables.kind == 'services' && "
            "key in variables.scraped && variables.annotations[key] in variables.scraped[key])",
            f"gives objects annotations of {GROUP}/ only (Services also those for Prometheus), {STAYS}",
        ),
        deny_unless(
            f"!variables.writes || variables.finalizers.all(name, name in {list(FINALIZERS + PROTECTION)} || "
            "name in variables.finalizersBefore)",
            f"gives objects these finalizers only: {', '.join(FINALIZERS)}",
        ),
        deny_unless(  # a Deployment of an MLModel is replaced as a whole, with all that others added
            "!variables.writes || variables.kind == 'deployments' || variables.finalizersBefore.all(name, "
            f"name in {list(FINALIZERS)} || name in variables.finalizers)",
            f"takes these finalizers off only: {', '.join(FINALIZERS)}",
        ),
    ]
