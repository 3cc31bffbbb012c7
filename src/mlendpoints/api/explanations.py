"""What conditions and reasons mean and what to do about them: the text of ``docs/reference/api.md``.

One entry for each member of the closed lists in ``mlendpoints.api.reasons``.
"""

from collections.abc import Mapping

from msgspec import Struct

from mlendpoints.api.reasons import ConditionType as Type
from mlendpoints.api.reasons import Reason


class Explanation(Struct, frozen=True):
    """For the reader of a status: what it means, what to do."""

    meaning: str
    action: str


CONDITIONS: Mapping[Type, str] = {
    Type.CONFIG_RESOLVED: "The config and all its models exist, and the host is this endpoint's own.",
    Type.MODELS_READY: "All pods of the requested version are ready (checked through the proxy).",
    Type.ROUTES_PROGRAMMED: "All gateway pods serve the requested routes, as verified by probing.",
    Type.UPDATE_SUCCEEDED: "The requested version is rolled out. False: it failed, "
    "and the previous version continues to serve.",
    Type.AVAILABLE: "Requests are answered: every variant with a weight has ready pods.",
    Type.READY: "The endpoint matches its spec: the first four conditions are True. Wait for this one. "
    "False as soon as one of them is: its message says what to fix.",
    Type.RECONCILING: "An update is running. For tools that follow kstatus, such as Argo CD and Flux.",
    Type.MONITORING_READY: "The optional containers of all pods run, as far as the pods have such containers; the "
    "message says why they have not. Nothing else depends on it. Restarts of the processes in them are in their logs.",
    Type.ROLLED_OUT: "Of a config or model: every endpoint that uses it serves this edit of it. "
    "`kubectl wait mlec/titanic --for=condition=RolledOut` waits for an edit.",
}

_NOTHING = "Nothing."
_WAIT = "Wait; it continues automatically."

REASONS: Mapping[Reason, Explanation] = {
    Reason.RESOLVED: Explanation("All references are found.", _NOTHING),
    Reason.REFERENCE_NOT_FOUND: Explanation(
        "The config, a model in it, or a Secret, ConfigMap or ServiceAccount that the model names, does not exist "
        "in the namespace.",
        "Create it, or correct the name; the endpoint continues automatically when it appears.",
    ),
    Reason.INVALID_SPEC: Explanation(
        "A field has a value that cannot be applied, such as a path outside the allowed prefixes, "
        "or the API server rejected an object derived from it, such as a pod that exceeds a LimitRange.",
        "Change the field that the message names, or the LimitRange.",
    ),
    Reason.HOST_CONFLICT: Explanation(
        "Another endpoint claimed the host first, or a VirtualService or Gateway on the same gateway pods that is not "
        "this endpoint's names it, exactly or by a wildcard. Nothing is created for this endpoint, and what serves is "
        "left unchanged. Objects in other namespaces are not named; the operator's log names them.",
        "Choose another host, or delete the other object; the endpoint continues automatically when the host is free. "
        "After another endpoint has been deleted, its host stays reserved for a short time in case it is re-created.",
    ),
    Reason.HOST_NOT_ALLOWED: Explanation(
        "The endpoint's namespace may not use the host: it lies in another namespace's part of the cluster's domain, "
        "or `gateway.hosts` of the operator's settings does not allow it. What serves is left unchanged.",
        "Re-create the endpoint with a host that the message says is allowed, or without `host`; "
        "or ask the administrator to allow it.",
    ),
    Reason.NOT_OWNED: Explanation(
        "An object of the required name already exists and was not created by the operator, or has a different "
        "owner; it is left unchanged.",
        "Give the endpoint, model or MLModel another name; or delete that object if it is not needed.",
    ),
    Reason.INSTANCES_READY: Explanation("All model pods are ready (checked through the proxy).", _NOTHING),
    Reason.INSTANCES_STARTING: Explanation(
        "Pods are starting, or not all of them are ready yet.",
        "Wait; it continues automatically. If the message keeps naming a Secret or claim, check that it exists.",
    ),
    Reason.ARTIFACT_DOWNLOAD_FAILED: Explanation(
        "The artifact could not be fetched: a wrong host or path, or an unexpected response.",
        "Correct `artifact` in the model, or fix the server; the download is retried.",
    ),
    Reason.ARTIFACT_DIGEST_MISMATCH: Explanation(
        "The artifact does not have the digest that the model specifies.",
        "Check which is right, then correct `artifactDigest` or the file.",
    ),
    Reason.ARTIFACT_UNSAFE: Explanation(
        "The artifact is damaged, or is not an archive that can be unpacked safely.",
        "Pack it again with files and folders only: no links, no devices, no paths that lead outside.",
    ),
    Reason.ARTIFACT_TOO_LARGE: Explanation(
        "The artifact does not fit into `size`, or contains more files than are allowed.",
        "Give the variant or MLModel a larger `size`.",
    ),
    Reason.CREATING_STORAGE: Explanation(
        "MLModel only: the claim for its artifact exists, and no volume is bound to it yet.",
        "Wait. If it persists, look at the claim's events (`kubectl describe pvc`), and at `storageClass`.",
    ),
    Reason.DOWNLOADING: Explanation(
        "MLModel only: a Job is fetching the artifact.",
        "Wait; `kubectl logs job/…` shows its progress. If the message keeps naming a Secret or claim, "
        "check that it exists.",
    ),
    Reason.IMAGE_PULL_FAILED: Explanation(
        "A node could not pull an image.",
        "Check the image's name and `imagePullSecrets`, and that nodes reach the registry.",
    ),
    Reason.CRASH_LOOPING: Explanation(
        "A container terminates repeatedly; the message has its exit code and termination message.",
        "Fix the image, its command, arguments or environment; `kubectl logs` shows more.",
    ),
    Reason.OOM_KILLED: Explanation(
        "A container needed more memory than it has.", "Give the variant in its config, or the MLModel, more `memory`."
    ),
    Reason.PROBE_FAILED: Explanation(
        "The containers are running, but the kubelet's probe of the health path fails, or the kubelet stopped the "
        "container because of it. The message has path, port and answer. `Unknown` while a model may still be loading.",
        "Check `port`, `healthPath`, and that the server listens on 0.0.0.0; for models that load slowly also "
        "`startupTimeoutSeconds` and `update.deadlineSeconds`.",
    ),
    Reason.UNSCHEDULABLE: Explanation(
        "No node has enough free resources for a pod, or none may run it.",
        "Request less (`cpus`, `memory`, `resources`), correct `nodeSelector` and `tolerations`, or add nodes.",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "The namespace's ResourceQuota is exhausted, or it counts resources that containers do not specify.",
        "Request less, delete something, or have the quota raised. If the message says `must specify`, create a "
        "LimitRange with defaults for what it names.",
    ),
    Reason.DEADLINE_EXCEEDED: Explanation(
        "The new version's pods were not ready within `update.deadlineSeconds`. The previous version continues "
        "to serve.",
        "Fix what the message names; then change the spec, or `update.attempt`, to retry.",
    ),
    Reason.ROUTE_PROGRAMMED: Explanation("All gateway pods serve the requested routes.", _NOTHING),
    Reason.ROUTE_NOT_PROGRAMMED: Explanation(
        "The gateway pods that the message names do not serve the new routes; it says how they were probed and"
        " what they answered. Nothing is pruned meanwhile.",
        "Do what the message says: exempt the operator's probes from an AuthorizationPolicy, let it reach the"
        " gateway pods, or check istiod (`istioctl proxy-status`).",
    ),
    Reason.UPDATING: Explanation("An update is running.", _WAIT),
    Reason.SUCCEEDED: Explanation("The requested version is rolled out.", _NOTHING),
    Reason.SUPERSEDED: Explanation("A newer edit replaced this update before it ended.", _NOTHING),
    Reason.ROLLED_BACK: Explanation("The spec was reverted to the serving version, which ended the update.", _NOTHING),
    Reason.IN_SERVICE: Explanation("Every variant with a weight has ready pods.", _NOTHING),
    Reason.DELETING: Explanation(
        "The endpoint is being deleted: first its routes, then, once no gateway sends requests there, its pods.", _WAIT
    ),
    Reason.NOT_IN_USE: Explanation("No endpoint uses this config or model.", "Nothing; nothing runs for it."),
    Reason.SIDECARS_RUNNING: Explanation("All optional containers run.", _NOTHING),
    Reason.SIDECARS_STARTING: Explanation(
        "A pod does not run all of its optional containers yet.",
        "Wait; if it persists, `kubectl describe pod` says why.",
    ),
    Reason.SINK_UNAVAILABLE: Explanation(
        "The sink of captured traffic does not accept the records that a pod sends. Requests are served; records wait "
        "in the pod until there is no room.",
        "Read the log of the pod's container `shipper`, and fix the sink, its URL or its Secret. Records that wait are "
        "retried.",
    ),
    Reason.NO_PROCESS_METRICS: Explanation(
        "Pods have no Fluent Bit, so their metrics say nothing about CPU, memory and IO of processes. Requests, errors "
        "and latencies are measured by nginx in any case.",
        "Nothing, or what the message says: the administrator configures an image of Fluent Bit (`fluentBit.image` of "
        "the chart); versions that are created from then on have it.",
    ),
    Reason.AS_ASKED: Explanation("The object matches its spec.", _NOTHING),
    Reason.WAITING: Explanation("An earlier step has to be completed first; the other conditions say which.", _WAIT),
}
