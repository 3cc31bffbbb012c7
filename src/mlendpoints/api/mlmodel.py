"""``MLModel`` (mlmodel): the one-resource path from an artifact to a served model.

No host, no weights, no routes: a claim, a download, a Deployment and a Service
of the object's own name. What is run and fetched is specified as in a
``MachineLearningModel``; sizes as in a config's variant.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta

from mlendpoints.api import patterns
from mlendpoints.api.declared import NOT_IN_VERSION, joined
from mlendpoints.api.meta import Condition, ObjectMeta, Value
from mlendpoints.api.model import ModelServer, PodCount
from mlendpoints.api.monitoring import MONITORING_URL
from mlendpoints.api.pod_settings import AccessMode, PodSettings, quantities_as_strings

# The values that this release writes; any value is read
Phase = Literal["Pending", "CreatingStorage", "Downloading", "Serving", "Ready", "Failed", "Terminating"]


if TYPE_CHECKING:

    class _MLModelFields(ModelServer, PodSettings, frozen=True, kw_only=True):
        pass
else:
    _MLModelFields = joined("_MLModelFields", ModelServer, PodSettings)


class MLModelSpec(_MLModelFields, frozen=True, kw_only=True):
    """What to run, what to fetch for it, and how much of it."""

    replicas: Annotated[PodCount, Meta(description="Number of pods, the scale subresource."), NOT_IN_VERSION] = 1
    storage_class: Annotated[
        str,
        Meta(
            description="StorageClass of the artifact's claim; empty: the cluster's default.",
            pattern=patterns.SUBDOMAIN,
            max_length=253,
        ),
    ] = ""
    access_mode: Annotated[
        AccessMode,
        Meta(
            description="Access mode of the artifact's claim. ReadWriteOnce: all pods run on one node. "
            "ReadWriteMany: on any node, if the StorageClass supports it."
        ),
    ] = "ReadWriteOnce"
    download_timeout_seconds: Annotated[
        int, Meta(description="How long a download may take before it fails.", ge=1, le=604800)
    ] = 3600

    def __post_init__(self) -> None:
        """Hold quantities as strings, however they were written."""
        quantities_as_strings(self)


class MLModelStatus(Value, frozen=True, kw_only=True):
    """The observed state of the MLModel."""

    observed_generation: Annotated[int, Meta(description="The generation that this status is about.", ge=0)] = 0
    phase: Annotated[
        str,
        Meta(
            description="Progress of the requested version: Pending, CreatingStorage, Downloading, Serving, Ready,"
            " Failed or Terminating."
        ),
    ] = ""
    message: Annotated[str, Meta(description="What it is waiting for, or what failed and how to fix it.")] = ""
    version: Annotated[str, Meta(description="The requested version.")] = ""
    serving_version: Annotated[str, Meta(description="The version that the Deployment runs.")] = ""
    service_endpoint: Annotated[
        str, Meta(description="Where to send requests, inside the cluster: <serviceEndpoint>/invocations.")
    ] = ""
    monitoring_url: Annotated[str, Meta(description=MONITORING_URL)] = ""
    replicas: Annotated[int, Meta(description="Replicas of the Deployment.", ge=0)] = 0
    ready_replicas: Annotated[int, Meta(description="Ready pods, of any version.", ge=0)] = 0
    selector: Annotated[str, Meta(description="Label selector of the pods, for autoscalers.")] = ""
    fetched: Annotated[str, Meta(description="Size and speed of the requested version's download.")] = ""
    conditions: Annotated[tuple[Condition, ...], Meta(description="Available, Ready, Reconciling.")] = ()


class MLModel(Value, frozen=True, kw_only=True):
    """An artifact and an image, downloaded, served and kept up to date by one resource."""

    KIND: ClassVar[str] = "MLModel"
    metadata: ObjectMeta
    spec: MLModelSpec
    status: MLModelStatus = MLModelStatus()
