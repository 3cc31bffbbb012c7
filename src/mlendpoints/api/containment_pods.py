"""What the pods of the operator's Deployments and Jobs may ask for: the part of its admission policy about templates.

A template's metadata is as powerful as its spec. Annotations alone tell
injecting webhooks which image to run and what of the node to mount; labels make
pods join the Services of other applications. So the keys are those that the
operator writes. What users have added to a template by hand may stay as long as
it does not change.
"""

from typing import Final

from mlendpoints.api import labels
from mlendpoints.api.containment_metadata import LABELS, STAYS, as_before
from mlendpoints.api.policy import Manifest, deny_unless

# The API server adds these to a Job's pods, and checks their values unless the Job brings its own selector.
JOB_LABELS: Final = (
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
)
POD_ANNOTATIONS: Final = ("kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/restartedAt")

POD_SECURITY: Final = (
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seccompProfile",
)
SECURITY: Final = (
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "readOnlyRootFilesystem",
    "allowPrivilegeEscalation",
    "privileged",
    "capabilities",
    "seccompProfile",
)

# Of a claim; its other fields select an existing volume, or copy one.
CLAIM: Final = ("storageClassName", "accessModes", "resources", "volumeMode")
PROBE: Final = ("httpGet", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
REQUEST: Final = ("path", "port", "scheme")

_POD: Final = "object.spec.template.spec"
_CONTAINERS: Final = f"({_POD}.?initContainers.orValue([]) + {_POD}.containers)"
RECORDER: Final = "recorder"  # the container that reads packets
PRIVILEGED: Final = (
    "namespaceObject.metadata.?labels[?'pod-security.kubernetes.io/enforce'].orValue('') == 'privileged'"
)
_TEMPLATE: Final = "volume.ephemeral.volumeClaimTemplate.spec"
_FINALIZERS: Final = "object.spec.template.?metadata.?finalizers.orValue([])"
VARIABLES: Final = {
    "recorder": f"{PRIVILEGED} ? '{RECORDER}' : ''",  # of which this is allowed: to be root with NET_RAW
    "templates": f"request.operation in {['CREATE', 'UPDATE']} && variables.kind in {['deployments', 'jobs']}",
    "pods": f"variables.templates && (oldObject == null || {_POD} != oldObject.spec.template.spec)",
    "podLabels": "object.spec.template.?metadata.?labels.orValue({})",
    "podAnnotations": "object.spec.template.?metadata.?annotations.orValue({})",
    "podLabelsBefore": "oldObject == null ? {} : oldObject.spec.template.?metadata.?labels.orValue({})",
    "podAnnotationsBefore": "oldObject == null ? {} : oldObject.spec.template.?metadata.?annotations.orValue({})",
}


def make_validations() -> list[Manifest]:
    """The checks of the operator's pod templates."""
    return [*_metadata(), *_volumes(), *_node(), *_requests(), *_users(), *_security(), *_privileges()]


def is_new_volume(claim: str) -> str:
    """Whether a claim's spec asks for a file system of a StorageClass; the class ``""`` means volumes that exist."""
    made = f"{claim}.?storageClassName.orValue('default') != ''"
    return f"{made} && {claim}.?volumeMode.orValue('Filesystem') == 'Filesystem'"


def _metadata() -> list[Manifest]:
    return [
        deny_unless(
            f"!variables.templates || variables.podLabels.all(key, {as_before('podLabels')} || "
            f"key in {list(LABELS)} || key in variables.added || "
            f"variables.kind == 'jobs' && key in {list(JOB_LABELS)} || "
            f"key == '{labels.NOT_IN_THE_MESH}' && variables.podLabels[key] == 'false')",
            f"gives pods its own labels only, {STAYS}",
        ),
        deny_unless(
            f"!variables.templates || variables.podAnnotations.all(key, {as_before('podAnnotations')} || "
            f"key in {list(POD_ANNOTATIONS)} || key in variables.added)",
            f"gives pods these annotations only: {', '.join(POD_ANNOTATIONS)}, {STAYS}",
        ),
        deny_unless(
            f"!variables.templates || size({_FINALIZERS}) == 0 || oldObject != null && "
            f"{_FINALIZERS} == oldObject.{_FINALIZERS.removeprefix('object.')}",
            "gives pods no finalizers, and leaves those that others added as they are",
        ),
        deny_unless(
            "!variables.templates || variables.kind != 'jobs' || !object.spec.?manualSelector.orValue(false)",
            "creates Jobs whose pods are selected by the API server's own labels",
        ),
    ]


def _volumes() -> list[Manifest]:
    ordinary = ("emptyDir", "persistentVolumeClaim", "secret", "configMap", "ephemeral", "downwardAPI")
    volumes = " || ".join(f"has(volume.{kind})" for kind in ordinary)
    return [
        deny_unless(
            f"!variables.pods || {_POD}.?volumes.orValue([]).all(volume, {volumes})",
            f"creates pods with volumes of these kinds only: {', '.join(ordinary)}",
        ),
        deny_unless(
            f"!variables.pods || {_POD}.?volumes.orValue([]).all(volume, !has(volume.ephemeral) || "
            f"{_TEMPLATE}.all(key, key in {list(CLAIM)}) && has({_TEMPLATE}.storageClassName) && "
            f"{is_new_volume(_TEMPLATE)})",
            "creates pods with ephemeral volumes that are new, neither copies nor volumes that exist, "
            f"with these fields: {', '.join(CLAIM)}",
        ),
        deny_unless(
            f"!variables.pods || {_POD}.?volumes.orValue([]).all(volume, "
            + " && ".join(
                f"size(volume.?ephemeral.?volumeClaimTemplate.?metadata.?{name}.orValue({{}})) == 0"
                for name in ("labels", "annotations")
            )
            + ")",
            "creates pods with ephemeral volumes whose claims have neither labels nor annotations",
        ),
    ]


def _node() -> list[Manifest]:
    return [
        deny_unless(
            "!variables.pods || "
            + " && ".join(f"!{_POD}.?{name}.orValue(false)" for name in ("hostNetwork", "hostPID", "hostIPC"))
            + f" && {_POD}.?automountServiceAccountToken.orValue(true) == false"
            + "".join(f" && {_POD}.?{name}.orValue('') == ''" for name in ("nodeName", "priorityClassName"))
            + f" && !has({_POD}.ephemeralContainers)",
            "creates no pods with a namespace of their node, a chosen node, a priority or a mounted token",
        ),
    ]


def _requests() -> list[Manifest]:
    """The kubelet probes from the node's network, where the metadata service and the node's daemons answer."""
    probes = ", ".join(f"container.?{name}" for name in ("startupProbe", "readinessProbe", "livenessProbe"))
    return [
        deny_unless(
            f"!variables.pods || {_CONTAINERS}.all(container, [{probes}].all(probe, "
            f"probe.orValue({{}}).all(key, key in {list(PROBE)}) && "
            f"probe.?httpGet.orValue({{}}).all(key, key in {list(REQUEST)})))",
            f"creates pods whose probes ask the pod itself, by httpGet with these fields only: {', '.join(REQUEST)}",
        ),
        deny_unless(
            f"!variables.pods || {_CONTAINERS}.all(container, container.?lifecycle.orValue({{}}).all(hook, "
            "hook == 'preStop' && container.lifecycle.preStop.all(key, key in ['sleep', 'httpGet']) && "
            f"container.lifecycle.preStop.?httpGet.orValue({{}}).all(key, key in {list(REQUEST)})))",
            "creates pods that do nothing as they start, and wait (preStop.sleep) or ask the pod itself "
            f"(preStop.httpGet, with these fields only: {', '.join(REQUEST)}) as they stop",
        ),
    ]


def _users() -> list[Manifest]:
    return [
        deny_unless(
            f"!variables.pods || {_POD}.?securityContext.?runAsNonRoot.orValue(false) && "
            f"{_POD}.?securityContext.?seccompProfile.?type.orValue('') == 'RuntimeDefault' && "
            f"{_CONTAINERS}.all(container, (container.?securityContext.?runAsNonRoot.orValue(true) || "
            "container.name == variables.recorder) && "
            "container.?securityContext.?seccompProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault')",
            "creates pods that run as another user than root, with the runtime's seccomp profile; but for the "
            f"container {RECORDER} in namespaces with the label pod-security.kubernetes.io/enforce: privileged",
        ),
    ]


def _security() -> list[Manifest]:
    """Fields that are not listed, or are added later, loosen other restrictions: SELinux, AppArmor, /proc, sysctls."""
    return [
        deny_unless(
            f"!variables.pods || {_POD}.?securityContext.orValue({{}}).all(key, key in {list(POD_SECURITY)}) && "
            f"{_CONTAINERS}.all(container, container.?securityContext.orValue({{}}).all(key, key in {list(SECURITY)}))",
            f"creates pods with these fields of a security context only: {', '.join(POD_SECURITY)}; "
            f"and containers with these: {', '.join(SECURITY)}",
        ),
        deny_unless(
            f"!variables.pods || {_POD}.?runtimeClassName.orValue('') == '' || "
            f"oldObject != null && {_POD}.?runtimeClassName == oldObject.spec.template.spec.?runtimeClassName",
            "creates pods of the default runtime class, and leaves what others chose unchanged",
        ),
    ]


def _privileges() -> list[Manifest]:
    return [
        deny_unless(
            f"!variables.pods || {_CONTAINERS}.all(container, "
            "!container.?securityContext.?privileged.orValue(false) && "
            "container.?securityContext.?allowPrivilegeEscalation.orValue(true) == false && "
            "container.?securityContext.?capabilities.?add.orValue([]).all(capability, "
            "capability == 'NET_RAW' && container.name == variables.recorder) && "
            "'ALL' in container.?securityContext.?capabilities.?drop.orValue([]) && "
            "container.?ports.orValue([]).all(port, port.?hostPort.orValue(0) == 0))",
            "creates no containers with privileges, privilege escalation, ports of their node, or "
            f"capabilities, of which it drops all, but for NET_RAW of the container {RECORDER} in namespaces with the "
            "label pod-security.kubernetes.io/enforce: privileged",
        ),
    ]
