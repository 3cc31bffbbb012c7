"""``MachineLearningEndpoint`` (mle): one durable, monitored URL for a config."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from mlendpoints.api import patterns
from mlendpoints.api.meta import Condition, ObjectMeta, Value
from mlendpoints.api.monitoring import MONITORING_URL

# The values that this release writes. Any value is read, and the schema does not list them:
# a later release may have written others before it was rolled back.
State = Literal["Creating", "InService", "Updating", "RollingBack", "Failed", "Deleting", "OutOfService"]
Outcome = Literal["Succeeded", "Failed", "RolledBack", "Superseded"]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class UpdatePolicy(Value, frozen=True, kw_only=True):
    """How this endpoint is updated."""

    deadline_seconds: Annotated[
        int,
        Meta(description="How long a new version may take to become ready before the update fails.", ge=1, le=86400),
    ] = 600
    attempt: Annotated[str, Meta(description="Change it to retry a failed update.", max_length=63)] = ""
    keep_versions: Annotated[
        int,
        Meta(
            description="How many earlier versions keep their instances, so that a rollback re-creates nothing.",
            ge=0,
            le=9,
        ),
    ] = 0
    keep_instances: Annotated[
        int,
        Meta(
            description="How many pods each model of a kept version is scaled to. With 0, a rollback starts pods;"
            " with as many as serve, it only shifts traffic.",
            ge=0,
            le=1000,
        ),
    ] = 0


class EndpointSpec(Value, frozen=True, kw_only=True):
    """The host of the endpoint, and its config."""

    config: Annotated[
        str, Meta(description="Name of a MachineLearningEndpointConfig.", pattern=patterns.LABEL, max_length=54)
    ]
    host: Annotated[
        str,
        Meta(
            description="Exact, lower-case DNS name of the endpoint; immutable."
            " Default: <endpoint>.<namespace>.<domain>, with the domain of the operator's settings.",
            pattern=patterns.HOST,
            max_length=253,
        ),
    ] = ""
    tls: Annotated[bool, Meta(description="Serve HTTPS; the credential comes from the operator's settings.")] = False
    update: Annotated[UpdatePolicy, Meta(description="How the endpoint is updated.")] = UpdatePolicy()


class VariantStatus(Value, frozen=True, kw_only=True):
    """The current state of one production variant."""

    name: Annotated[str, Meta(description="Name of the variant.")]
    model: Annotated[str, Meta(description="Name of the model.")]
    instance: Annotated[str, Meta(description="Name of the model instance.")]
    version: Annotated[str, Meta(description="The model's version.")]
    current_weight: Annotated[int, Meta(description="Current weight.", ge=0)] = 0
    desired_weight: Annotated[int, Meta(description="Requested weight.", ge=0)] = 0
    ready_instances: Annotated[int, Meta(description="Ready pods.", ge=0)] = 0
    desired_instances: Annotated[int, Meta(description="Requested pods.", ge=0)] = 0


class UpdateStatus(Value, frozen=True, kw_only=True):
    """The running update, recorded so that its deadline outlives the operator."""

    target: Annotated[str, Meta(description="The config version that is being rolled out.")]
    phase: Annotated[
        str,
        Meta(
            description="What it waits for. `RemovingOld`: it has succeeded, and the previous version is being removed."
        ),
    ]
    start_time: Annotated[Time, Meta(description="When it began.")]


class HistoryEntry(Value, frozen=True, kw_only=True):
    """An update that ended."""

    target: Annotated[str, Meta(description="Its config version.")]
    outcome: Annotated[str, Meta(description="How it ended: Succeeded, Failed, RolledBack or Superseded.")]
    reason: Annotated[str, Meta(description="Why, as one word from a closed list.")]
    message: Annotated[str, Meta(description="What, where, and how to fix it.")] = ""
    start_time: Annotated[Time, Meta(description="When it began.")]
    end_time: Annotated[Time, Meta(description="When it ended.")]


class EndpointStatus(Value, frozen=True, kw_only=True):
    """The observed state of the endpoint."""

    observed_generation: Annotated[int, Meta(description="The generation that this status is about.", ge=0)] = 0
    state: Annotated[
        str,
        Meta(
            description="SageMaker's name for the state, derived from the conditions: Creating, InService, Updating,"
            " RollingBack, Failed, Deleting or OutOfService."
        ),
    ] = ""
    host: Annotated[
        str, Meta(description="The host of the endpoint; it does not change with the operator's settings.")
    ] = ""
    waits_for_host: Annotated[
        bool, Meta(description="Another endpoint claimed the host first; this one is waiting for it.")
    ] = False
    host_free_since: Annotated[
        Time | None,
        Meta(description="Since when the awaited host is free; this endpoint takes it after a grace period."),
    ] = None
    url: Annotated[str, Meta(description="Where to send requests: <url>/invocations.")] = ""
    monitoring_url: Annotated[str, Meta(description=MONITORING_URL)] = ""
    config_version: Annotated[str, Meta(description="The config version that serves.")] = ""
    target_version: Annotated[str, Meta(description="The requested config version.")] = ""
    route_revision: Annotated[
        str, Meta(description="Revision of the routes that all gateway pods are proven to serve.")
    ] = ""
    traffic: Annotated[str, Meta(description="Current weights, for people: blue=90,green=10.")] = ""
    variants: Annotated[tuple[VariantStatus, ...], Meta(description="The production variants.")] = ()
    update: Annotated[UpdateStatus | None, Meta(description="The running update, if any.")] = None
    history: Annotated[
        tuple[HistoryEntry, ...], Meta(description="The last ten updates, newest first.", max_length=10)
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Meta(
            description="ConfigResolved, ModelsReady, RoutesProgrammed, UpdateSucceeded; "
            "derived: Available, Ready, Reconciling."
        ),
    ] = ()


class Endpoint(Value, frozen=True, kw_only=True):
    """One durable URL, behind which models are swapped, scaled and tested against each other."""

    KIND: ClassVar[str] = "MachineLearningEndpoint"
    metadata: ObjectMeta
    spec: EndpointSpec
    status: EndpointStatus = EndpointStatus()
