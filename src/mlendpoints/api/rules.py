"""What a schema cannot say: rules between fields and between old and new, in CEL.

Each rule belongs to the struct that it stands in as ``self``; the message tells
how to fix the object. Rules guard templates and instances alike, since both
are objects of the same kinds. What the API server cannot know (whether another
object exists, whether a path is allowed) is judged by the operator, as a
condition. Only functions that Kubernetes 1.30 knows are used: ``isIP`` and
``format`` came later (k8s.io/apiserver, pkg/cel/environment/base.go).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import fields

from mlendpoints.api.endpoint import Endpoint, EndpointSpec
from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigSpec, ProductionVariant
from mlendpoints.api.mlmodel import MLModel, MLModelSpec
from mlendpoints.api.model import (
    OPERATORS_PART,
    RESERVED_USER_IDS,
    EnvVar,
    EnvVarSource,
    Model,
    ModelInstance,
    ModelSpec,
    Toleration,
)
from mlendpoints.api.patterns import LABEL, MENDING

LABEL_KEY: Final = r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE: Final = r"^(|[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)$"
INSTANCE_NAME: Final = 63  # characters, the most that a Service's name may have
TEMPLATE_NAME: Final = 54  # characters: "-" and a version of 8 make an instance's name
REFERENCES: Final = 16  # the most that admission can check one by one
ENVIRONMENT_BYTES: Final = 64 << 10  # of command, args and env together
PODS_OWN_PORTS: Final = (2021, 8088, 9090)  # Fluent Bit, nginx, monitoring


class Rule(Struct, frozen=True):
    """One CEL rule; ``field`` is the field that is to blame, in camelCase, empty for the struct itself.

    With ``unless_same``, an object that broke it already may be written as long as these fields stay as they are;
    with ``sees_old``, the rule itself says what of ``oldSelf``, an optional, may stay.
    """

    cel: str
    message: str
    field: str = ""
    unless_same: tuple[str, ...] = ()
    sees_old: bool = False


_NAME = Rule(f"self.metadata.name.matches(r'{LABEL}')", f"metadata.name {MENDING[LABEL]}")
_SHORT_NAME = Rule(
    f"size(self.metadata.name) <= {TEMPLATE_NAME}",
    f"metadata.name may have at most {TEMPLATE_NAME} characters, since names of Services are made from it; "
    "choose a shorter one",
)
_TEMPLATE_NAMES = (
    _NAME,
    Rule(f"has(self.spec.instance) || {_SHORT_NAME.cel}", _SHORT_NAME.message),
    Rule(
        f"!has(self.spec.instance) || size(self.metadata.name) <= {INSTANCE_NAME}",
        f"metadata.name of an instance may have at most {INSTANCE_NAME} characters",
    ),
)

_INSTANCES_STAY = Rule(
    "has(self.instance) == has(oldSelf.instance)",
    "instance is set by the operator alone, when it makes the object; a template cannot become an instance",
    "instance",
)


def same(field: str, old: str = "oldSelf") -> str:
    """CEL: the field is as it was, or unset as it was."""
    return f"has(self.{field}) == has({old}.{field}) && (!has(self.{field}) || self.{field} == {old}.{field})"


def _all_same(names: Iterable[str]) -> str:
    return " && ".join(f"({same(name)})" for name in names)


_FROZEN = "this is an instance: nothing but replicas may change; edit the template that it was made from"
_FROZEN_MODEL = Rule(
    "!has(self.instance) || "
    + _all_same(field.encode_name for field in fields(ModelSpec) if field.name not in ("replicas", "instance")),
    _FROZEN,
)

# What the operator has frozen of its own in a version whose pods do not exist it may freeze again: the images together
# with the revision of the pod template that they fit. A policy keeps everybody else from it.
_FROZEN_INSTANCE = Rule(
    _all_same(field.encode_name for field in fields(ModelInstance) if field.name not in OPERATORS_PART)
    + f" && (!({same('builder')}) || "
    + _all_same(f.encode_name for f in fields(ModelInstance) if f.name in OPERATORS_PART and f.name != "builder")
    + ")",
    _FROZEN,
)

_FROZEN_CONFIG = Rule(
    "!has(self.instance) || self == oldSelf",
    "this is an instance: nothing may change; edit the template that it was made from",
)

_ABOVE_ZERO = tuple(
    Rule(
        f"!has(self.{field}) || !isQuantity(string(self.{field})) "
        f"|| quantity(string(self.{field})).isGreaterThan(quantity('0'))",
        f"{field} must be above 0",
        field,
    )
    for field in ("cpus", "memory", "size")
)

_LEAST: Mapping[str, tuple[str, str]] = {"memory": ("4Mi", "512Mi"), "size": ("4Ki", "10Gi")}


def _too_small(field: str) -> str:
    least, meant = _LEAST[field]
    return (
        f"{field} must be at least {least}; a number without a unit counts bytes, and m their thousandths:"
        f" did you mean a unit such as Mi or Gi, as in {meant}?"
    )


def _is_large_enough(field: str, whose: str) -> str:
    """CEL: the quantity is not one whose unit was forgotten."""
    text = f"string({whose}.{field})"
    least = f"quantity({text}).compareTo(quantity('{_LEAST[field][0]}')) >= 0"
    return f"!has({whose}.{field}) || !isQuantity({text}) || {least}"


# Bounds that came later: a variant that broke one before may be written as it was, and so may a version.
_UNITS = tuple(
    Rule(_is_large_enough(field, "self"), _too_small(field), field, unless_same=(field,)) for field in _LEAST
)
_UNITS_OF_VARIANTS = tuple(
    Rule(
        f"has(self.instance) || self.models.all(m, {_is_large_enough(field, 'm')} || oldSelf.hasValue() && "
        f"oldSelf.value().models.exists(o, o.name == m.name && has(o.{field}) && o.{field} == m.{field}))",
        f"models[].{_too_small(field)}",
        "models",
        sees_old=True,
    )
    for field in _LEAST
)

_PLACEMENT = (
    *_ABOVE_ZERO,
    Rule(
        "!has(self.resources) || self.resources.all(name, "
        "name.startsWith('hugepages-') || name.contains('/') && !name.contains('kubernetes.io/'))",
        "resources are named vendor/device or hugepages-<size>, such as nvidia.com/gpu; "
        "for CPU, memory and disk use cpus, memory and size",
        "resources",
    ),
    Rule(
        "!has(self.resources) || self.resources.all(name, !isQuantity(string(self.resources[name])) || "
        "quantity(string(self.resources[name])).isInteger() && "
        "quantity(string(self.resources[name])).isGreaterThan(quantity('0')))",
        "resources are whole numbers above 0, such as nvidia.com/gpu: 1",
        "resources",
    ),
    Rule(
        "!has(self.nodeSelector) || self.nodeSelector.all(key, "
        f"key.matches(r'{LABEL_KEY}') && self.nodeSelector[key].matches(r'{LABEL_VALUE}'))",
        "nodeSelector must hold labels as nodes carry them, such as kubernetes.io/arch: amd64",
        "nodeSelector",
    ),
)
_WEIGHT: Final = "{}.?weight.orValue(1)"
_CLIMBING: Final = r"^[^?]*/([.]|%2[eE]){2}([/?]|$)"  # '..' between slashes, before a query
_SERVER = (
    Rule(
        f"!has(self.artifact) || !self.artifact.matches(r'{_CLIMBING}')",
        "artifact must not hold '..'; write the path that is meant",
        "artifact",
    ),
    Rule(
        "self.?artifactDigest.orValue('') == '' || self.?artifact.orValue('') != ''",
        "artifactDigest needs an artifact to check; give artifact too, or leave the digest out",
        "artifactDigest",
    ),
    Rule(
        "self.?artifactSecret.orValue('') == '' || "
        "self.?artifact.orValue('') != '' && !self.artifact.startsWith('pvc://')",
        "artifactSecret needs an artifact in a store; a claim (pvc://) takes none: leave one out",
        "artifactSecret",
    ),
    Rule(
        f"!(self.port in {list(PODS_OWN_PORTS)})",
        f"port must not be {', '.join(map(str, PODS_OWN_PORTS))}: the pod's own containers listen there",
        "port",
    ),
    Rule(
        "self.port >= 1024",
        "port must be 1024 or above, since the server does not run as root, which alone may use ports below;"
        " let it listen on another one, such as 8080",
        "port",
    ),
    Rule(
        "(self.?artifactSecret.orValue('') == '' ? 0 : 1)"
        " + (has(self.imagePullSecrets) ? size(self.imagePullSecrets) : 0)"
        f" + (has(self.env) ? size(self.env.filter(variable, has(variable.valueFrom))) : 0) <= {REFERENCES}",
        f"artifactSecret, imagePullSecrets and env[].valueFrom may be at most {REFERENCES} references in all; "
        "put plain values into env[].value, or let the server read a file of the image",
    ),
)
_ENVIRONMENT = (
    "(has(self.env) ? self.env.map(v, size(bytes(v.name)) + (has(v.value) ? size(bytes(v.value)) : 0)).sum() : 0)"
    " + (has(self.args) ? self.args.map(argument, size(bytes(argument))).sum() : 0)"
    " + (has(self.command) ? self.command.map(argument, size(bytes(argument))).sum() : 0)"
)


_NO_PATH: Final = r"^https?://[^/?]*/?$"
_HOST: Final = r"^[^/]*[.:][^/]*/"  # of an image, whose case counts for nothing
_CAPITALS: Final = r"[^:@]*[A-Z]"  # before tag and digest


def _bounds(exempt: str = "") -> tuple[Rule, ...]:
    """Bounds that came later than the API: what is stored already, and versions of it, stay usable."""
    whose = [f"{uid} ({owner})" for uid, owner in RESERVED_USER_IDS.items()]
    return (
        Rule(
            f"{exempt}{_ENVIRONMENT} <= {ENVIRONMENT_BYTES}",
            f"command, args and env together may take at most {ENVIRONMENT_BYTES >> 10} KiB; "
            "put large values into the image, the artifact, or a ConfigMap that env[].valueFrom names",
            unless_same=("env", "args", "command"),
        ),
        Rule(
            f"{exempt}!(self.runAsUser in {list(RESERVED_USER_IDS)})",
            f"runAsUser must be none of {', '.join(whose)}; choose another user id, such as 1000",
            "runAsUser",
            unless_same=("runAsUser",),
        ),
        Rule(
            f"{exempt}!has(self.artifact) || !self.artifact.matches(r'{_NO_PATH}')",
            "artifact must have a path: http(s)://HOST/PATH, such as https://models.example.com/titanic.tar.gz",
            "artifact",
            unless_same=("artifact",),
        ),
        Rule(
            f"{exempt}!(self.image.matches(r'{_HOST}') ? self.image.matches(r'{_HOST}{_CAPITALS}')"
            f" : self.image.matches(r'^{_CAPITALS}'))",
            "image must be in lower case up to its tag, such as registry.example.com/titanic:V1",
            "image",
            unless_same=("image",),
        ),
    )


RULES: Mapping[type[Struct], tuple[Rule, ...]] = {
    Endpoint: (_NAME, _SHORT_NAME),
    EndpointSpec: (
        Rule(
            "has(self.host) == has(oldSelf.host) && (!has(self.host) || self.host == oldSelf.host)",
            "host cannot be changed, added or removed; create another endpoint for the new host, move callers,"
            " delete this one",
            "host",
        ),
        Rule(
            "!has(self.host) || !self.host.matches('[.][0-9]+$')",
            "host must be a DNS name, not an IP address",
            "host",
        ),
        Rule(
            "!has(self.host) || self.host.split('.').all(label, size(label) <= 63)",
            "each part of host between dots may have at most 63 characters",
            "host",
        ),
    ),
    EndpointConfig: _TEMPLATE_NAMES,
    EndpointConfigSpec: (
        Rule(
            f"self.models.exists(model, {_WEIGHT.format('model')} > 0)",
            "at least one model must have a weight above 0, or nothing would answer",
            "models",
        ),
        *_UNITS_OF_VARIANTS,
        _INSTANCES_STAY,
        _FROZEN_CONFIG,
    ),
    ProductionVariant: (
        Rule(
            f"self.?instances.orValue(1) > 0 || {_WEIGHT.format('self')} == 0",
            "instances may be 0 only with weight 0; set weight: 0 too, or give it an instance",
            "instances",
        ),
        *_PLACEMENT,
        Rule(
            "self.?path.orValue('') == '' || self.?storageClass.orValue('') == ''",
            "path and storageClass exclude each other: a node directory or a claim; leave one out",
            "path",
        ),
        Rule(
            "self.?accessMode.orValue('') != 'ReadWriteMany' || self.?storageClass.orValue('') != ''",
            "accessMode: ReadWriteMany needs a storageClass that offers it; name one, or leave accessMode out",
            "accessMode",
        ),
        Rule(
            "!has(self.path) || !self.path.split('/').exists(part, part in ['.', '..'])",
            "path must not hold '.' or '..'; write the directory that is meant",
            "path",
        ),
    ),
    EnvVar: (
        Rule(
            "!has(self.valueFrom) || self.?value.orValue('') == ''",
            "value and valueFrom exclude each other; leave one out",
            "valueFrom",
        ),
    ),
    EnvVarSource: (
        Rule(
            "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            "valueFrom needs exactly one of secretKeyRef and configMapKeyRef",
        ),
    ),
    Toleration: (
        Rule(
            "self.?key.orValue('') != '' || self.?operator.orValue('Equal') == 'Exists'",
            "a toleration without a key tolerates all taints: it needs operator: Exists",
            "key",
        ),
        Rule(
            "self.?operator.orValue('Equal') == 'Equal' || self.?value.orValue('') == ''",
            "a toleration with operator: Exists takes no value; leave it out or use operator: Equal",
            "value",
        ),
    ),
    Model: _TEMPLATE_NAMES,
    ModelInstance: (_FROZEN_INSTANCE,),
    ModelSpec: (
        *_SERVER,
        *_bounds("has(self.instance) || "),
        Rule(
            "has(self.replicas) == has(self.instance)",
            "replicas belongs to instances, which the operator makes; in a config, set models[].instances",
            "replicas",
        ),
        _INSTANCES_STAY,
        _FROZEN_MODEL,
    ),
    MLModel: (_NAME, _SHORT_NAME),
    MLModelSpec: (*_SERVER, *_bounds(), *_PLACEMENT, *_UNITS),
}
