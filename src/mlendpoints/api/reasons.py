"""The closed lists of condition types and reasons; docs/reference explains each."""

from enum import StrEnum


class ConditionType(StrEnum):
    """Condition types of an endpoint (the first seven), of templates, instances and MLModels."""

    CONFIG_RESOLVED = "ConfigResolved"
    MODELS_READY = "ModelsReady"
    ROUTES_PROGRAMMED = "RoutesProgrammed"
    UPDATE_SUCCEEDED = "UpdateSucceeded"
    AVAILABLE = "Available"
    READY = "Ready"
    RECONCILING = "Reconciling"
    ROLLED_OUT = "RolledOut"


class Reason(StrEnum):
    """The reason of a condition."""

    RESOLVED = "Resolved"
    REFERENCE_NOT_FOUND = "ReferenceNotFound"
    INVALID_SPEC = "InvalidSpec"
    HOST_CONFLICT = "HostConflict"
    HOST_NOT_ALLOWED = "HostNotAllowed"
    NOT_OWNED = "NotOwned"
    INSTANCES_READY = "InstancesReady"
    INSTANCES_STARTING = "InstancesStarting"
    ARTIFACT_DOWNLOAD_FAILED = "ArtifactDownloadFailed"
    ARTIFACT_DIGEST_MISMATCH = "ArtifactDigestMismatch"
    ARTIFACT_UNSAFE = "ArtifactUnsafe"
    ARTIFACT_TOO_LARGE = "ArtifactTooLarge"
    CREATING_STORAGE = "CreatingStorage"
    DOWNLOADING = "Downloading"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CRASH_LOOPING = "CrashLooping"
    OOM_KILLED = "OOMKilled"
    PROBE_FAILED = "ProbeFailed"
    UNSCHEDULABLE = "Unschedulable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    ROUTE_PROGRAMMED = "RouteProgrammed"
    ROUTE_NOT_PROGRAMMED = "RouteNotProgrammed"
    UPDATING = "Updating"
    SUCCEEDED = "Succeeded"
    SUPERSEDED = "Superseded"
    ROLLED_BACK = "RolledBack"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    NOT_IN_USE = "NotInUse"
    AS_ASKED = "AsAsked"
    WAITING = "Waiting"
