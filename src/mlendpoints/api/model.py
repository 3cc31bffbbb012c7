"""``MachineLearningModel`` (mlm): a container image and a model artifact.

What users write is a template. The operator writes *instances* of the same
kind, marked by ``spec.instance``: one frozen, versioned copy for one variant of
one endpoint. Only ``spec.replicas`` of an instance may change.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, field

from mlendpoints.api import patterns
from mlendpoints.api.declared import ATOMIC, IN_CONTAINER, IN_POD, NOT_IN_VERSION
from mlendpoints.api.env import EnvVar
from mlendpoints.api.meta import Condition, ObjectMeta, Value
from mlendpoints.api.pod_settings import PodSettings, Quantity

Argument = Annotated[str, Meta(max_length=8192)]
ObjectName = Annotated[str, Meta(max_length=63)]
GroupId = Annotated[int, Meta(ge=0, le=4294967294)]
PodCount = Annotated[int, Meta(ge=0, le=10000)]
VersionName = Annotated[str, Meta(max_length=16)]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]

# User ids of a pod's other containers. The model must not run as one of them: it could signal them, write to their
# files, and, with that of the mesh, bypass its sidecar.
PROXY_USER_ID = 65532  # nginx
FETCHER_USER_ID = 65533  # model-init
MESH_USER_ID = 1337  # Istio's sidecar
RESERVED_USER_IDS: Final[Mapping[int, str]] = {
    0: "root",
    MESH_USER_ID: "Istio's sidecar",
    PROXY_USER_ID: "nginx",
    FETCHER_USER_ID: "model-init",
}


class LocalObjectReference(Value, frozen=True, kw_only=True):
    """A name of an object in the same namespace."""

    name: Annotated[
        str, Meta(description="The object's name.", pattern=patterns.SUBDOMAIN, min_length=1, max_length=253)
    ]


class Images(Value, frozen=True, kw_only=True):
    """The operator's own images in a model pod, frozen with the version."""

    model_init: Annotated[str, Meta(description="Fetches and unpacks the artifact.", min_length=1, max_length=1024)]
    nginx: Annotated[str, Meta(description="Reverse proxy and monitoring endpoint.", min_length=1, max_length=1024)]
    fluent_bit: Annotated[
        str, Meta(description="Measures the pod's processes; empty: the pods have none.", max_length=1024)
    ] = ""
    pull_policy: Annotated[str, Meta(description="Pull policy of these images.", max_length=16)] = "IfNotPresent"
    shipper: Annotated[str, Meta(description="Ships captured traffic; empty: an earlier one.", max_length=1024)] = ""
    recorder: Annotated[
        str, Meta(description="Captures with gor; empty: that engine is not available.", max_length=1024)
    ] = ""


class Container(Value, frozen=True, kw_only=True):
    """Resources of one of the operator's own containers, frozen with the version."""

    requests: Annotated[Mapping[str, Quantity], Meta(description="Resource requests.", max_length=16)] = {}
    limits: Annotated[Mapping[str, Quantity], Meta(description="Resource limits.", max_length=16)] = {}


class Network(Value, frozen=True, kw_only=True):
    """How the fetcher reaches stores: the operator's settings, frozen with the version."""

    allowed_addresses: Annotated[
        tuple[Annotated[str, Meta(max_length=64)], ...],
        Meta(
            description="Addresses and networks that are allowed although they are blocked by default.", max_length=64
        ),
    ] = ()
    http_proxy: Annotated[str, Meta(description="Proxy for http:// URLs.", max_length=2048)] = ""
    https_proxy: Annotated[str, Meta(description="Proxy for https:// URLs.", max_length=2048)] = ""
    no_proxy: Annotated[str, Meta(description="Hosts that are reached without a proxy.", max_length=8192)] = ""
    ca_config_map: Annotated[
        str, Meta(description="ConfigMap whose `ca.crt` is trusted instead of the image's.", max_length=253)
    ] = ""


class ModelInstance(PodSettings, frozen=True, kw_only=True):
    """What defines the pods of one version, besides the template's own fields. Written by the operator only."""

    endpoint: Annotated[ObjectName, Meta(description="The endpoint that this version serves.")]
    config: Annotated[ObjectName, Meta(description="The config that first requested it.")]
    variant: Annotated[ObjectName, Meta(description="The production variant.")]
    model: Annotated[ObjectName, Meta(description="The template that it was created from.")]
    version: Annotated[VersionName, Meta(description="Hash of all that defines its pods.")]
    images: Annotated[Images, Meta(description="The operator's own images, frozen with the version.")]
    builder: Annotated[
        str,
        Meta(description="Revision of the pod template that these images fit; empty: an earlier one.", max_length=16),
    ] = ""
    cpus: Annotated[Quantity, Meta(description="CPU request.")]
    memory: Annotated[Quantity, Meta(description="Memory request and limit.")]
    size: Annotated[Quantity, Meta(description="Storage for the unpacked artifact.")]
    resources: Annotated[
        Mapping[str, Quantity], Meta(description="Further resources, such as nvidia.com/gpu.", max_length=16)
    ] = field(default_factory=dict)
    drain_seconds: Annotated[
        int, Meta(description="How long the proxy continues to serve while the pod drains.", ge=0, le=600)
    ] = 15
    path: Annotated[str, Meta(description="Node directory for the artifact; empty: none.", max_length=1024)] = ""
    folder: Annotated[
        str,
        Meta(
            description="Folder in that directory that contains those of the instances; empty: the directory itself.",
            max_length=1024,
        ),
    ] = ""
    nginx: Annotated[Container | None, Meta(description="Resources of nginx; unset: the operator's defaults.")] = None
    model_init: Annotated[
        Container | None, Meta(description="Resources of model-init; unset: the operator's defaults.")
    ] = None
    fluent_bit: Annotated[
        Container | None, Meta(description="Resources of Fluent Bit; unset: the operator's defaults.")
    ] = None
    network: Annotated[Network | None, Meta(description="How the fetcher reaches stores, frozen with the version.")] = (
        None
    )


OPERATORS_PART: Final = (
    "builder",
    "images",
    "drain_seconds",
    "network",
    "nginx",
    "model_init",
    "fluent_bit",
)  # of an instance


class ModelServer(Value, frozen=True, kw_only=True):
    """What to run and what to fetch."""

    image: Annotated[
        str,
        Meta(description="Container image of the model server.", pattern=patterns.IMAGE, max_length=1024),
        IN_CONTAINER,
    ]
    image_pull_policy: Annotated[
        PullPolicy | None,
        Meta(description="When nodes pull the image; unset: Always for the tag latest or none, else IfNotPresent."),
        IN_CONTAINER,
    ] = None
    artifact: Annotated[
        str,
        Meta(
            description="URL of the model's archive (tar, tar.gz, tar.zst, zip), file or folder, unpacked to "
            "/opt/ml/model: http(s)://, s3://, gs://, az:// or pvc://claim/path. Empty: the image contains the model.",
            pattern=patterns.ARTIFACT,
            max_length=2048,
        ),
    ] = ""
    artifact_digest: Annotated[
        str,
        Meta(
            description="Digest of the artifact, verified during the download: sha256:<64 hex digits>.",
            pattern=patterns.DIGEST,
            max_length=71,
        ),
    ] = ""
    artifact_secret: Annotated[
        str,
        Meta(
            description="Secret with which the artifact is fetched, mounted in the fetcher only: "
            "a key for each setting of the store, including `ca.crt`.",
            pattern=patterns.SUBDOMAIN,
            max_length=253,
        ),
    ] = ""
    command: Annotated[
        tuple[Argument, ...], Meta(description="Replaces the image's entry point.", max_length=64), IN_CONTAINER, ATOMIC
    ] = ()
    args: Annotated[
        tuple[Argument, ...],
        Meta(description="Arguments; SageMaker starts containers with `serve`.", max_length=64),
        IN_CONTAINER,
        ATOMIC,
    ] = ("serve",)
    env: Annotated[
        tuple[EnvVar, ...], Meta(description="Environment of the model's container.", max_length=128), IN_CONTAINER
    ] = ()
    port: Annotated[
        int,
        Meta(
            description="Port of the model server (SageMaker: 8080).",
            ge=1024,
            le=65535,
            extra_json_schema={"minimum": 1},  # a rule says why it must be higher
        ),
    ] = 8080
    health_path: Annotated[
        str,
        Meta(
            description="Path that returns HTTP 200 once the model is loaded (SageMaker: /ping).",
            pattern=patterns.URL_PATH,
            max_length=256,
        ),
    ] = "/ping"
    startup_timeout_seconds: Annotated[
        int,
        Meta(description="How long the model may take to load before its container is restarted.", ge=1, le=86400),
    ] = 300
    run_as_user: Annotated[
        int,
        Meta(
            description="User id of the model's container; not root, nor a user of the pod's other containers.",
            ge=0,
            le=4294967294,
        ),
    ] = 1000
    run_as_group: Annotated[
        GroupId | None,
        Meta(
            description="Group id of the model's container, such as 0 for images whose files only group 0 may use; "
            "unset: the same number as runAsUser."
        ),
    ] = None
    own_process_namespace: Annotated[
        bool,
        Meta(
            description="For images whose first process must have process id 1. The pods then have no Fluent Bit and "
            "no metrics of their processes."
        ),
    ] = False
    service_account_name: Annotated[
        str,
        Meta(
            description="ServiceAccount of the pods; its token is not mounted.",
            pattern=patterns.SUBDOMAIN,
            max_length=253,
        ),
        IN_POD,
    ] = ""
    image_pull_secrets: Annotated[
        tuple[LocalObjectReference, ...],
        Meta(description="Secrets with which nodes pull the image.", max_length=8),
        IN_POD,
    ] = ()


class ModelSpec(ModelServer, frozen=True, kw_only=True):
    """What to run and what to fetch."""

    replicas: Annotated[
        PodCount | None, Meta(description="Instances only: number of pods, the scale subresource."), NOT_IN_VERSION
    ] = None
    instance: Annotated[
        ModelInstance | None, Meta(description="Written by the operator only; marks a frozen version."), NOT_IN_VERSION
    ] = None


class ModelStatus(Value, frozen=True, kw_only=True):
    """The observed state of the model."""

    observed_generation: Annotated[int, Meta(description="The generation that this status is about.", ge=0)] = 0
    used_by: Annotated[
        tuple[str, ...], Meta(description="Templates only: endpoints that use it, the first ten by name.")
    ] = ()
    used_by_count: Annotated[int, Meta(description="Templates only: how many endpoints use it.", ge=0)] = 0
    config_version: Annotated[str, Meta(description="Instances only: the config version that created it.")] = ""
    replicas: Annotated[int, Meta(description="Instances only: pods that exist.", ge=0)] = 0
    ready_replicas: Annotated[
        int, Meta(description="Instances only: ready pods (checked through the proxy).", ge=0)
    ] = 0
    selector: Annotated[str, Meta(description="Instances only: label selector of the pods, for autoscalers.")] = ""
    fetched: Annotated[
        str, Meta(description="Instances only: size and speed of the first download; empty: it was already installed.")
    ] = ""
    conditions: Annotated[tuple[Condition, ...], Meta(description="Templates: RolledOut. Instances: Ready.")] = ()


class Model(Value, frozen=True, kw_only=True):
    """A container image and a model artifact, reusable in many configs."""

    KIND: ClassVar[str] = "MachineLearningModel"
    metadata: ObjectMeta
    spec: ModelSpec
    status: ModelStatus = ModelStatus()
