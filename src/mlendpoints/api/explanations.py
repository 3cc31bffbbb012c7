"""What conditions and reasons mean and what to do about them: the text of ``docs/reference/api.md``.

One entry for each member of the closed lists in ``mlendpoints.api.reasons``.
"""

from collections.abc import Mapping

from msgspec import Struct

from mlendpoints.api.reasons import ConditionType as Type
from mlendpoints.api.reasons import Reason


class Explanation(Struct, frozen=True):
    """For the person who reads a status: what it means, what to do."""

    meaning: str
    action: str


CONDITIONS: Mapping[Type, str] = {
    Type.CONFIG_RESOLVED: "The config and all its models exist, and the host is this endpoint's own.",
    Type.MODELS_READY: "All pods of the asked version answer through their proxies.",
    Type.ROUTES_PROGRAMMED: "Every pod of the gateway was seen to serve the routes as asked.",
    Type.UPDATE_SUCCEEDED: "The asked version is rolled out. False: it failed, and what served before goes on serving.",
    Type.AVAILABLE: "Callers get answers now: every variant with a weight has ready pods.",
    Type.READY: "Everything is as asked: the first four conditions are True. Wait for this one. "
    "False as soon as one of them is: then its message tells what to fix.",
    Type.RECONCILING: "An update is running. For tools that follow kstatus, such as Argo CD and Flux.",
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
        "A field holds what cannot be carried out, such as a path outside the allowed prefixes, "
        "or the API server rejected an object made from it, such as a pod that exceeds a LimitRange.",
        "Change the field that the message names, or the LimitRange.",
    ),
    Reason.HOST_CONFLICT: Explanation(
        "Another endpoint had the host first, or a VirtualService or Gateway on the same gateway pods that is not this "
        "endpoint's names it, exactly or by a wildcard. Nothing is created for this endpoint, and what serves is left "
        "as it is. Objects in other namespaces are not named; the operator's log names them.",
        "Choose another host, or delete the other object; the endpoint continues automatically when the host is free. "
        "After another endpoint has been deleted, its host stays reserved for its return for a moment.",
    ),
    Reason.HOST_NOT_ALLOWED: Explanation(
        "The endpoint's namespace may not use the host: it lies in another namespace's part of the cluster's domain, "
        "or `gateway.hosts` of the operator's settings does not allow it. What serves is left as it is.",
        "Re-create the endpoint with a host that the message says is allowed, or without `host`; "
        "or ask the administrator to allow it.",
    ),
    Reason.NOT_OWNED: Explanation(
        "An object of the name that is needed exists already and was not created by the operator, or has another "
        "owner; it is not touched.",
        "Give the endpoint, model or MLModel another name; or delete that object, if nobody needs it.",
    ),
    Reason.INSTANCES_READY: Explanation("All pods answer through their proxies.", _NOTHING),
    Reason.INSTANCES_STARTING: Explanation(
        "Pods are starting, or not all answer yet.",
        "Wait; it continues automatically. If the message keeps naming a Secret or claim, check that it exists.",
    ),
    Reason.ARTIFACT_DOWNLOAD_FAILED: Explanation(
        "The artifact could not be fetched: the host, the path, or the answer was wrong.",
        "Correct `artifact` in the model, or fix the server; the download is retried.",
    ),
    Reason.ARTIFACT_DIGEST_MISMATCH: Explanation(
        "The artifact is not the one whose digest the model names.",
        "Find out which is right, then correct `artifactDigest` or the file.",
    ),
    Reason.ARTIFACT_UNSAFE: Explanation(
        "The artifact is damaged, or is no archive that can be unpacked safely.",
        "Pack it anew, of files and folders alone: no links, no devices, no names that lead outside.",
    ),
    Reason.ARTIFACT_TOO_LARGE: Explanation(
        "The artifact does not fit into `size`, or holds more files than are allowed.",
        "Give the variant or MLModel a larger `size`.",
    ),
    Reason.CREATING_STORAGE: Explanation(
        "Of an MLModel: the claim for its artifact is made, and no volume is bound to it yet.",
        "Wait. If it lasts, look at the claim's events (`kubectl describe pvc`), and at `storageClass`.",
    ),
    Reason.DOWNLOADING: Explanation(
        "Of an MLModel: a Job fetches the artifact.",
        "Wait; `kubectl logs job/…` tells how far it is. If the message names a Secret or claim for longer, "
        "make sure that it exists.",
    ),
    Reason.IMAGE_PULL_FAILED: Explanation(
        "A node could not pull an image.",
        "Check the image's name and `imagePullSecrets`, and that nodes reach the registry.",
    ),
    Reason.CRASH_LOOPING: Explanation(
        "A container ends again and again; the message has its exit code and termination message.",
        "Fix the image, its command, arguments or environment; `kubectl logs` shows more.",
    ),
    Reason.OOM_KILLED: Explanation(
        "A container needed more memory than it has.", "Give the variant in its config, or the MLModel, more `memory`."
    ),
    Reason.PROBE_FAILED: Explanation(
        "The containers run, but the kubelet's probe of the health path fails, or the kubelet stopped the container "
        "for it. The message has path, port and answer. `Unknown` while a model may still be loading.",
        "Check `port`, `healthPath`, and that the server listens on 0.0.0.0; for models that load slowly also "
        "`startupTimeoutSeconds` and `update.deadlineSeconds`.",
    ),
    Reason.UNSCHEDULABLE: Explanation(
        "No node has room for a pod, or none may run it.",
        "Ask for less (`cpus`, `memory`, `resources`), correct `nodeSelector` and `tolerations`, or add nodes.",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "The namespace's ResourceQuota leaves no room, or counts what containers do not specify.",
        "Ask for less, free some, or have the quota raised. If the message says `must specify`, create a LimitRange "
        "with defaults for what it names.",
    ),
    Reason.DEADLINE_EXCEEDED: Explanation(
        "The new version's pods were not ready within `update.deadlineSeconds`. What served before continues to serve.",
        "Fix what the message names; then change the spec, or `update.attempt`, to try again.",
    ),
    Reason.ROUTE_PROGRAMMED: Explanation("Every pod of the gateway serves the routes as asked.", _NOTHING),
    Reason.ROUTE_NOT_PROGRAMMED: Explanation(
        "The pods of the gateway that the message names do not serve the new routes; it says what they were asked and"
        " what they answered. Nothing old is removed meanwhile.",
        "Do what the message says: exempt the operator's requests from an AuthorizationPolicy, let it reach the"
        " gateway's pods, or check istiod (`istioctl proxy-status`).",
    ),
    Reason.UPDATING: Explanation("An update is running.", _WAIT),
    Reason.SUCCEEDED: Explanation("The asked version is rolled out.", _NOTHING),
    Reason.SUPERSEDED: Explanation("A newer edit took this update's place before it ended.", _NOTHING),
    Reason.ROLLED_BACK: Explanation("The spec was edited back to what serves; the update ended.", _NOTHING),
    Reason.IN_SERVICE: Explanation("Every variant with a weight has pods that answer.", _NOTHING),
    Reason.DELETING: Explanation(
        "The endpoint is being deleted: first its routes, then, when no gateway sends anything there, its pods.", _WAIT
    ),
    Reason.NOT_IN_USE: Explanation("No endpoint uses this config or model.", "Nothing; nothing runs for it."),
    Reason.AS_ASKED: Explanation("Everything is as the spec asks.", _NOTHING),
    Reason.WAITING: Explanation("Something before it has to be done first; the other conditions say what.", _WAIT),
}
