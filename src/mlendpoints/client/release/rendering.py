"""The operator's objects for some values: those of the wheel, with what the chart's templates make of the values. Pure.

Tests compare the result with ``helm template``. Values that decide which objects or rules there are need Helm.
"""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from mlendpoints.api.labels import MANAGED_BY, PART_OF
from mlendpoints.client.errors import ConfigurationError
from mlendpoints.client.release.contents import Release, Variable
from mlendpoints.client.release.values import Values, complete, value_at
from mlendpoints.core.canonical import Manifest
from mlendpoints.edge.settings import SettingsError, read_settings

MANAGER: Final = "mlendpoints-cli"  # the value of managed-by on what it has installed
GIVEN = "mlendpoints.dev/values"  # annotation of the Deployment: the values that users have given
NAMESPACE = "machine-learning"  # of the rendering
GATEWAY_LABELS = {"istio": "ingressgateway"}  # the chart's default selector
_OF_DEPLOYMENT = (
    "replicas",
    "resources",
    "podAnnotations",
    "podLabels",
    "nodeSelector",
    "tolerations",
    "affinity",
    "priorityClassName",
    "env",
)
_FURTHER = (
    "images.registry",
    "images.tag",
    "images.pullSecrets",
    "admissionPolicy.closedNamespaces",
    "admissionPolicy.allowedMetadata",
    "networkPolicy.metricsFrom",
)
_NEEDS_HELM = ("watchNamespaces", "allowedPathPrefixes")  # variables that also decide on rules


def supported(release: Release) -> tuple[str, ...]:
    """The paths of values that this renders."""
    variables = (each.value for each in release.variables if each.form != "image")
    return (*(path for path in variables if path not in _NEEDS_HELM), *_OF_DEPLOYMENT, *_FURTHER)


def make_objects(release: Release, given: Values, namespace: str) -> tuple[Manifest, ...]:
    """All objects, in the order in which they are applied; raises ``ConfigurationError``."""
    values = complete(release.values, given, supported(release))
    registry = value_at(values, "images.registry") or release.registry
    if not registry:
        raise ConfigurationError(
            "Name the registry of the images: --set images.registry=registry.example.com/team (see `make push`)."
        )
    image = f"{registry}/{{}}:{value_at(values, 'images.tag') or _tag(release)}"
    objects = [_placed(deepcopy(obj), namespace) for obj in release.objects]
    for obj in objects:
        _EDITS.get(obj["kind"], _nothing)(obj, values)
        if obj["kind"] == "Deployment":
            _edit_container(obj, release, values, image)
            obj["metadata"]["annotations"] = {GIVEN: json.dumps(given, sort_keys=True)}
    return tuple(sorted(objects, key=_order))


def _tag(release: Release) -> str:
    deployment = next(obj for obj in release.objects if obj["kind"] == "Deployment")
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image.rpartition(":")[2]


def _order(obj: Manifest) -> int:
    first = ("Namespace", "CustomResourceDefinition")
    return first.index(obj["kind"]) if obj["kind"] in first else 3 if obj["kind"] == "Deployment" else 2


def _placed(obj: Manifest, namespace: str) -> Manifest:
    """The object in another namespace, and labelled as this package's."""
    metadata = obj["metadata"]
    if obj["kind"] == "Namespace":
        metadata["name"] = namespace
    if "namespace" in metadata:
        metadata["namespace"] = namespace
    for subject in obj.get("subjects", ()):
        subject["namespace"] = namespace
    labels = metadata.setdefault("labels", {})
    labels |= {PART_OF: "mlendpoints", MANAGED_BY: MANAGER}
    if obj["kind"] == "Deployment":
        obj["spec"]["template"]["metadata"]["labels"] |= {MANAGED_BY: MANAGER}
    placed: Manifest = _renamed(obj, f"system:serviceaccount:{NAMESPACE}:", f"system:serviceaccount:{namespace}:")
    return placed


def _renamed(value: Any, old: str, new: str) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case dict():
            return {key: _renamed(item, old, new) for key, item in value.items()}
        case list():
            return [_renamed(item, old, new) for item in value]
        case str():
            return value.replace(old, new)
    return value


def _edit_deployment(obj: Manifest, values: Values) -> None:
    spec, template = obj["spec"], obj["spec"]["template"]
    pod = template["spec"]
    spec["replicas"] = values["replicas"]
    template["metadata"]["labels"] |= values["podLabels"]
    if values["podAnnotations"]:
        template["metadata"]["annotations"] = dict(values["podAnnotations"])
    if secrets := value_at(values, "images.pullSecrets"):
        pod["imagePullSecrets"] = [{"name": name} for name in secrets]
    for name in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        if values[name]:
            pod[name] = values[name]


def _edit_container(obj: Manifest, release: Release, values: Values, image: str) -> None:
    (container,) = obj["spec"]["template"]["spec"]["containers"]
    container["image"] = image.format("operator")
    container["imagePullPolicy"] = value_at(values, "images.pullPolicy")
    container["resources"] = values["resources"]
    variables = [_variable(each, values, image) for each in release.variables]
    rendered = [variable for variable in container["env"] if "valueFrom" in variable]
    container["env"] = [*filter(None, variables), *rendered, *values["env"]]
    try:
        read_settings({each["name"]: each["value"] for each in container["env"] if "value" in each})
    except SettingsError as error:
        raise ConfigurationError(f"The operator would not start with these values: {error}.") from None


def _variable(variable: Variable, values: Values, image: str) -> Manifest | None:
    if variable.form == "image":
        return {"name": variable.variable, "value": image.format(variable.value)}
    value = value_at(values, variable.value)
    if variable.optional and not value:
        return None
    return {"name": variable.variable, "value": _WRITTEN[variable.form](value)}


def json_text(value: object) -> str:
    """As Helm's ``toJson`` writes it."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.translate({ord(character): f"\\u{ord(character):04x}" for character in "<>&"})


_WRITTEN: Mapping[str, Callable[[Any], str]] = {"text": str, "json": json_text, "list": ",".join}


def _edit_network_policy(obj: Manifest, values: Values) -> None:
    sources = value_at(values, "networkPolicy.metricsFrom")
    ports = [{"protocol": "TCP", "port": "http"}]
    obj["spec"]["ingress"] = [{"from": sources, "ports": ports}] if sources else []


def _edit_policy(obj: Manifest, values: Values) -> None:
    """The policy's variables, as ``templates/policy.yaml`` sets them."""
    gateway = value_at(values, "gateway.service").partition("/")[0]
    closed = [*value_at(values, "admissionPolicy.closedNamespaces"), gateway]
    secrets = [secret for _, secret in sorted(values["tlsCredentials"].items())]
    https = [f"{value_at(values, 'gateway.httpsPort')}/{secret}" for secret in secrets]
    variables = {
        "closed": list(dict.fromkeys(closed)),
        "added": value_at(values, "admissionPolicy.allowedMetadata"),
        "gateway": gateway,
        "selector": value_at(values, "gateway.selector") or GATEWAY_LABELS,
        "listeners": list(dict.fromkeys([f"{value_at(values, 'gateway.httpPort')}/", *https])),
        "monitorLabels": value_at(values, "monitoring.podMonitorLabels"),
    }
    for variable in obj["spec"].get("variables", ()):
        if variable["name"] in variables:
            variable["expression"] = json_text(variables[variable["name"]])


def _nothing(_obj: Manifest, _values: Values) -> None:
    """No value changes it."""


_EDITS: Mapping[str, Callable[[Manifest, Values], None]] = {
    "Deployment": _edit_deployment,
    "NetworkPolicy": _edit_network_policy,
    "ValidatingAdmissionPolicy": _edit_policy,
}
