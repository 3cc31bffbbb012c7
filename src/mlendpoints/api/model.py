"""``MachineLearningModel`` (mlm): a container image and a model artifact.

What users write is a template. The operator writes *instances* of the same
kind, marked by ``spec.instance``: one frozen, versioned copy for one variant of
one endpoint. Only ``spec.replicas`` of an instance may change.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from mlendpoints.api.meta import Condition, ObjectMeta, Value

DnsLabel = Annotated[str, Meta(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]
Quantity = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$",
        max_length=32,
        description="A Kubernetes quantity, such as 500m or 1Gi.",
    ),
]


class EnvVar(Value, frozen=True, kw_only=True):
    """A plain environment variable of the model's container."""

    name: Annotated[str, Meta(description="The variable's name.", pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", max_length=253)]
    value: Annotated[str, Meta(description="Its value.", max_length=32768)] = ""


class LocalObjectReference(Value, frozen=True, kw_only=True):
    """A name of an object in the same namespace."""

    name: Annotated[str, Meta(description="The object's name.", min_length=1, max_length=253)]


class Toleration(Value, frozen=True, kw_only=True):
    """A taint that the pods put up with, as in Kubernetes' PodSpec."""

    key: Annotated[str, Meta(description="The taint's key; empty: all keys.", max_length=316)] = ""
    operator: Annotated[str, Meta(description="Exists or Equal.", pattern="^(Exists|Equal)$")] = "Equal"
    value: Annotated[str, Meta(description="The taint's value.", max_length=63)] = ""
    effect: Annotated[
        str, Meta(description="NoSchedule, PreferNoSchedule or NoExecute; empty: all.", pattern="^(|NoSchedule|PreferNoSchedule|NoExecute)$")
    ] = ""


class Images(Value, frozen=True, kw_only=True):
    """The operator's own images in a model pod, frozen with the version."""

    model_init: Annotated[str, Meta(description="Fetches and unpacks the artifact.", min_length=1)]
    nginx: Annotated[str, Meta(description="Reverse proxy and monitoring endpoint.", min_length=1)]
    pull_policy: Annotated[str, Meta(description="Pull policy of these two images.")] = "IfNotPresent"


class ModelInstance(Value, frozen=True, kw_only=True):
    """What makes the pods of one version, beside the template's own fields. Written by the operator alone."""

    endpoint: Annotated[str, Meta(description="The endpoint that this version serves.")]
    config: Annotated[str, Meta(description="The config that first asked for it.")]
    variant: Annotated[str, Meta(description="The production variant.")]
    model: Annotated[str, Meta(description="The template it was made from.")]
    version: Annotated[str, Meta(description="Hash of all that makes its pods.")]
    images: Images
    cpus: Quantity
    memory: Quantity
    size: Quantity
    resources: Annotated[Mapping[str, str], Meta(description="Further resources, such as nvidia.com/gpu.")] = {}
    node_selector: Annotated[Mapping[str, str], Meta(description="Labels of the nodes to run on.")] = {}
    tolerations: Annotated[tuple[Toleration, ...], Meta(description="Taints to put up with.")] = ()
    path: Annotated[str, Meta(description="Node directory for the artifact; empty: none.")] = ""
    storage_class: Annotated[str, Meta(description="Class of the artifact's claim; empty: none.")] = ""


class ModelSpec(Value, frozen=True, kw_only=True):
    """What to run and what to fetch for it."""

    image: Annotated[str, Meta(description="Container image of the model server.", min_length=1, max_length=1024)]
    artifact: Annotated[
        str,
        Meta(
            description="URL of the model's archive (tar, tar.gz) or file: http(s). Unpacked to /opt/ml/model. Empty: the image holds the model.",
            max_length=2048,
        ),
    ] = ""
    artifact_digest: Annotated[
        str, Meta(description="Digest of the artifact, checked while it streams: sha256:<64 hex digits>.", max_length=71)
    ] = ""
    command: Annotated[tuple[str, ...], Meta(description="Replaces the image's entry point.", max_length=64)] = ()
    args: Annotated[tuple[str, ...], Meta(description="Arguments; SageMaker starts containers with `serve`.", max_length=64)] = ("serve",)
    env: Annotated[tuple[EnvVar, ...], Meta(description="Environment of the model's container.", max_length=128)] = ()
    port: Annotated[int, Meta(description="Port of the model server (SageMaker: 8080).", ge=1024, le=65535)] = 8080
    health_path: Annotated[
        str, Meta(description="Path that answers 200 once the model is loaded (SageMaker: /ping).", pattern=r"^/[-._~/A-Za-z0-9]*$", max_length=256)
    ] = "/ping"
    startup_timeout_seconds: Annotated[
        int, Meta(description="How long the model may take to load before its container is started again.", ge=1, le=86400)
    ] = 300
    run_as_user: Annotated[int, Meta(description="User id of the model's container; never 0.", ge=1, le=4294967294)] = 1000
    service_account_name: Annotated[str, Meta(description="ServiceAccount of the pods; its token is not mounted.", max_length=253)] = ""
    image_pull_secrets: Annotated[tuple[LocalObjectReference, ...], Meta(description="Secrets with which nodes pull the image.", max_length=8)] = ()
    replicas: Annotated[int | None, Meta(description="Instances only: number of pods, the scale subresource.", ge=0, le=10000)] = None
    instance: Annotated[ModelInstance | None, Meta(description="Written by the operator alone; marks a frozen version.")] = None


class ModelStatus(Value, frozen=True, kw_only=True):
    """What became of it."""

    observed_generation: Annotated[int, Meta(description="The generation this status is about.", ge=0)] = 0
    used_by: Annotated[tuple[str, ...], Meta(description="Templates only: endpoints that use it.")] = ()
    config_version: Annotated[str, Meta(description="Instances only: the config version that made it.")] = ""
    replicas: Annotated[int, Meta(description="Instances only: pods that exist.", ge=0)] = 0
    ready_replicas: Annotated[int, Meta(description="Instances only: pods that answer through their proxy.", ge=0)] = 0
    selector: Annotated[str, Meta(description="Instances only: label selector of the pods, for autoscalers.")] = ""
    conditions: Annotated[tuple[Condition, ...], Meta(description="Templates: RolledOut. Instances: Ready.")] = ()


class Model(Value, frozen=True, kw_only=True):
    """A container image and a model artifact, reusable in many configs."""

    KIND: ClassVar[str] = "MachineLearningModel"
    metadata: ObjectMeta
    spec: ModelSpec
    status: ModelStatus = ModelStatus()
