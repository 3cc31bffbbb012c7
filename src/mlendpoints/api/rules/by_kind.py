"""CEL rules of the CRDs: what a schema cannot say, between fields and between old and new.

Each rule belongs to the struct that is its ``self``; its message says how to fix
the object. Rules apply to templates and instances alike, since both are objects
of the same kinds. What the API server cannot know (whether another object
exists, whether a path is allowed) is checked by the operator, and reported in a
condition. Only functions of Kubernetes 1.30 are used: ``isIP`` and ``format``
came later (k8s.io/apiserver, pkg/cel/environment/base.go).
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from mlendpoints.api.capture import MAX_PACKETS_BYTES, MAX_REDACTED_BYTES, Capture
from mlendpoints.api.endpoint import Endpoint, EndpointSpec
from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigSpec, ProductionVariant
from mlendpoints.api.env import EnvVar, EnvVarSource
from mlendpoints.api.mlmodel import MLModel, MLModelSpec
from mlendpoints.api.model import Model, ModelInstance, ModelSpec
from mlendpoints.api.pod_settings import Toleration
from mlendpoints.api.rules.frozen import FROZEN_CONFIG, FROZEN_INSTANCE, FROZEN_MODEL, INSTANCES_STAY
from mlendpoints.api.rules.names import NAME, SHORT_NAME, TEMPLATE_NAMES
from mlendpoints.api.rules.rule import Rule
from mlendpoints.api.rules.server import SERVER, bounds
from mlendpoints.api.rules.sizes import PLACEMENT, UNITS, UNITS_OF_VARIANTS

_WEIGHT: Final = "{}.?weight.orValue(1)"

RULES: Mapping[type[Struct], tuple[Rule, ...]] = {
    Endpoint: (NAME, SHORT_NAME),
    EndpointSpec: (
        Rule(
            "has(self.host) == has(oldSelf.host) && (!has(self.host) || self.host == oldSelf.host)",
            "host cannot be changed, added or removed; create another endpoint for the new host, switch callers"
            " to it, and delete this one",
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
    EndpointConfig: TEMPLATE_NAMES,
    EndpointConfigSpec: (
        Rule(
            f"self.models.exists(model, {_WEIGHT.format('model')} > 0)",
            "at least one model must have a weight above 0, otherwise none would receive requests",
            "models",
        ),
        *UNITS_OF_VARIANTS,
        INSTANCES_STAY,
        FROZEN_CONFIG,
    ),
    ProductionVariant: (
        Rule(
            f"self.?instances.orValue(1) > 0 || {_WEIGHT.format('self')} == 0",
            "instances may be 0 only with weight 0; set weight: 0 too, or at least one instance",
            "instances",
        ),
        *PLACEMENT,
        Rule(
            "self.?path.orValue('') == '' || self.?storageClass.orValue('') == ''",
            "path and storageClass are mutually exclusive: a node directory or a claim; remove one of them",
            "path",
        ),
        Rule(
            "self.?accessMode.orValue('') != 'ReadWriteMany' || self.?storageClass.orValue('') != ''",
            "accessMode: ReadWriteMany requires a storageClass that supports it; set one, or remove accessMode",
            "accessMode",
        ),
        Rule(
            "!has(self.path) || !self.path.split('/').exists(part, part in ['.', '..'])",
            "path must not contain '.' or '..'; use the resolved directory",
            "path",
        ),
    ),
    EnvVar: (
        Rule(
            "!has(self.valueFrom) || self.?value.orValue('') == ''",
            "value and valueFrom are mutually exclusive; remove one of them",
            "valueFrom",
        ),
    ),
    EnvVarSource: (
        Rule(
            "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            "valueFrom requires exactly one of secretKeyRef and configMapKeyRef",
        ),
    ),
    Toleration: (
        Rule(
            "self.?key.orValue('') != '' || self.?operator.orValue('Equal') == 'Exists'",
            "a toleration without a key tolerates all taints: it requires operator: Exists",
            "key",
        ),
        Rule(
            "self.?operator.orValue('Equal') == 'Equal' || self.?value.orValue('') == ''",
            "a toleration with operator: Exists must not have a value; remove it or use operator: Equal",
            "value",
        ),
    ),
    Capture: (
        Rule(
            "!self.?enabled.orValue(true) || self.?sink.orValue('') != ''",
            "capture requires a sink; set one, such as s3://captured/titanic, or enabled: false",
            "sink",
        ),
        Rule(
            "self.?sinkSecret.orValue('') == '' || self.?sink.orValue('') != '' && !self.sink.startsWith('pvc://')",
            "sinkSecret requires a sink in a store; a claim (pvc://) needs none: remove one of them",
            "sinkSecret",
        ),
        Rule(
            "!has(self.sink) || !self.sink.matches(r'^.*/([.]|%2[eE]){2}(/|$)')",
            "sink must not contain '..'; use the resolved path",
            "sink",
        ),
        Rule(
            f"self.?redact.?jsonPaths.orValue([]) == [] || self.?maxBytes.orValue(0) <= {MAX_REDACTED_BYTES}",
            f"redact.jsonPaths requires maxBytes of at most {MAX_REDACTED_BYTES}: parsing larger bodies would delay "
            "other requests; lower it, or remove the paths",
            "maxBytes",
        ),
        Rule(
            f"self.?engine.orValue('nginx') != 'gor' || self.?maxBytes.orValue(0) <= {MAX_PACKETS_BYTES}",
            f"engine: gor requires maxBytes of at most {MAX_PACKETS_BYTES}: packets of larger bodies would be lost; "
            "lower it, or use engine: nginx",
            "maxBytes",
        ),
    ),
    Model: TEMPLATE_NAMES,
    ModelInstance: (FROZEN_INSTANCE,),
    ModelSpec: (
        *SERVER,
        *bounds("has(self.instance) || "),
        Rule(
            "has(self.replicas) == has(self.instance)",
            "replicas is for instances, which the operator creates; in a config, set models[].instances",
            "replicas",
        ),
        INSTANCES_STAY,
        FROZEN_MODEL,
    ),
    MLModel: (NAME, SHORT_NAME),
    MLModelSpec: (*SERVER, *bounds(), *PLACEMENT, *UNITS),
}
