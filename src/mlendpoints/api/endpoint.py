"""``MachineLearningEndpoint`` (mle): one durable, monitored URL for a config."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from mlendpoints.api import patterns
from mlendpoints.api.meta import Condition, ObjectMeta, Value

# The words that this version writes. A status is read whatever it says, and the schema does not list them:
# a later version may have written others before it was rolled back.
State = Literal["Creating", "InService", "Updating", "RollingBack", "Failed", "Deleting", "OutOfService"]
Outcome = Literal["Succeeded", "Failed", "RolledBack", "Superseded"]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class UpdatePolicy(Value, frozen=True, kw_only=True):
    """How updates of this endpoint go."""

    deadline_seconds: Annotated[
        int,
        Meta(
            description="How long a new version may take to become ready before the update has failed.", ge=1, le=86400
        ),
    ] = 600
    attempt: Annotated[str, Meta(description="Change it to try a failed update again.", max_length=63)] = ""
    keep_versions: Annotated[
        int,
        Meta(
            description="How many earlier versions keep their instances, so that going back makes nothing anew.",
            ge=0,
            le=9,
        ),
    ] = 0
    keep_instances: Annotated[
        int,
        Meta(
            description="How many pods each model of a kept version rests with. With 0, going back starts pods;"
            " with as many as serve, it only moves traffic.",
            ge=0,
            le=1000,
        ),
    ] = 0


class EndpointSpec(Value, frozen=True, kw_only=True):
    """Where to answer, and from which config."""

    config: Annotated[
        str, Meta(description="Name of a MachineLearningEndpointConfig.", pattern=patterns.LABEL, max_length=54)
    ]
    host: Annotated[
        str,
        Meta(
            description="Exact, lower-case DNS name of the endpoint; immutable."
            " Left out: <endpoint>.<namespace>.<domain>, with the domain of the operator's settings.",
            pattern=patterns.HOST,
            max_length=253,
        ),
    ] = ""
    tls: Annotated[bool, Meta(description="Serve HTTPS; the credential comes from the operator's settings.")] = False
    update: Annotated[UpdatePolicy, Meta(description="How updates go.")] = UpdatePolicy()


class VariantStatus(Value, frozen=True, kw_only=True):
    """One production variant as it is now."""

    name: Annotated[str, Meta(description="Name of the variant.")]
    model: Annotated[str, Meta(description="Name of the model.")]
    instance: Annotated[str, Meta(description="Name of the model instance.")]
    version: Annotated[str, Meta(description="The model's version.")]
    current_weight: Annotated[int, Meta(description="Weight in force.", ge=0)] = 0
    desired_weight: Annotated[int, Meta(description="Weight asked for.", ge=0)] = 0
    ready_instances: Annotated[int, Meta(description="Pods that answer.", ge=0)] = 0
    desired_instances: Annotated[int, Meta(description="Pods asked for.", ge=0)] = 0


class UpdateStatus(Value, frozen=True, kw_only=True):
    """The update that runs; kept so that its deadline outlives the operator."""

    target: Annotated[str, Meta(description="The config version that is being rolled out.")]
    phase: Annotated[
        str, Meta(description="What it waits for. `RemovingOld`: it has succeeded, what served before is leaving.")
    ]
    start_time: Annotated[Time, Meta(description="When it began.")]


class HistoryEntry(Value, frozen=True, kw_only=True):
    """An update that ended."""

    target: Annotated[str, Meta(description="Its config version.")]
    outcome: Annotated[str, Meta(description="How it ended: Succeeded, Failed, RolledBack or Superseded.")]
    reason: Annotated[str, Meta(description="Why, one word from a closed list.")]
    message: Annotated[str, Meta(description="What, where, and how to fix it.")] = ""
    start_time: Annotated[Time, Meta(description="When it began.")]
    end_time: Annotated[Time, Meta(description="When it ended.")]


class EndpointStatus(Value, frozen=True, kw_only=True):
    """What the endpoint does now."""

    observed_generation: Annotated[int, Meta(description="The generation this status is about.", ge=0)] = 0
    state: Annotated[
        str,
        Meta(
            description="SageMaker's word for it, derived from the conditions: Creating, InService, Updating,"
            " RollingBack, Failed, Deleting or OutOfService."
        ),
    ] = ""
    host: Annotated[
        str, Meta(description="The host that the endpoint has; it stays when the operator's settings change.")
    ] = ""
    waits_for_host: Annotated[bool, Meta(description="Another endpoint had the host first; this one waits for it.")] = (
        False
    )
    host_free_since: Annotated[
        Time | None,
        Meta(description="Since when the host is free that this endpoint waits for; it takes it after a grace period."),
    ] = None
    url: Annotated[str, Meta(description="Where to send requests: <url>/invocations.")] = ""
    monitoring_url: Annotated[str, Meta(description="Metrics of its pods; reachable inside the cluster only.")] = ""
    config_version: Annotated[str, Meta(description="The config version that serves.")] = ""
    target_version: Annotated[str, Meta(description="The config version that is asked for.")] = ""
    route_revision: Annotated[str, Meta(description="The routes that every gateway pod was seen serving.")] = ""
    traffic: Annotated[str, Meta(description="Weights in force, for people: blue=90,green=10.")] = ""
    variants: Annotated[tuple[VariantStatus, ...], Meta(description="The production variants.")] = ()
    update: Annotated[UpdateStatus | None, Meta(description="The update that runs, if any.")] = None
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
