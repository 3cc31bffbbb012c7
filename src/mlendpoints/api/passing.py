"""References: you can only pass on what you may read, as a ValidatingAdmissionPolicy.

A model's pod is given the Secrets and ConfigMaps that the model names, and runs
the image, the command and the artifact that it names: the author of a model
could send a Secret anywhere. So users who create a MachineLearningModel or
MLModel, or change anything in its ``spec``, must be allowed to ``get`` each
Secret and ConfigMap that it names, and to ``impersonate`` its ServiceAccount.

The same applies to the Secret of a sink (``capture.sinkSecret``): its author chooses
where it is sent. For a config, writing whatever ``capture`` it has requires the
permission; changing weights does not.

Writes that do not change ``spec`` are exempt (labels, a scale subresource), and
so are instances: only the operator creates them (see ``policy``), and in the
CRD their ``spec`` is frozen.

An authorizer's check costs 350,000 of the 10,000,000 units that a binding has,
and of the 1,000,000 that an expression has. Hence one validation for each index,
and the same limit as the CRD's (``rules.REFERENCES``).
"""

from typing import Final

from mlendpoints.api.containment_pods import PRIVILEGED
from mlendpoints.api.crd import KINDS
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import GROUP, VERSION
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.api.policy import Manifest, make_policy, match_resources

NAME: Final = f"references.{GROUP}"
SINKS: Final = f"sinks.{GROUP}"
PACKETS: Final = f"packets.{GROUP}"
SINKS_OF_A_CONFIG: Final = 11  # its own, and those of ten variants
REFERENCES: Final = 16  # that a model may name; a check each

_FROM: Final = (
    "object.spec.?env.orValue([]).filter(v, has(v.valueFrom) && has(v.valueFrom.{0}))"
    ".map(v, ['{1}', string(v.valueFrom.{0}.name)])"
)
_NAMED: Final = "({0}.orValue('') == '' ? [] : [['secrets', string({0}.value())]])"
_READS: Final = " + ".join(
    (
        _NAMED.format("object.spec.?artifactSecret"),
        _NAMED.format("object.spec.?capture.?sinkSecret"),
        "object.spec.?imagePullSecrets.orValue([]).map(s, ['secrets', string(s.name)])",
        _FROM.format("secretKeyRef", "secrets"),
        _FROM.format("configMapKeyRef", "configmaps"),
    )
)
_VARIANTS: Final = "{0}.spec.models.filter(model, has(model.capture)).map(model, model.capture)"
_CAPTURES: Final = f"(has(object.spec.capture) ? [object.spec.capture] : []) + {_VARIANTS.format('object')}"
_NO_INSTANCE: Final = {"no-instance": "!has(object.spec.instance)"}
_ACCOUNT: Final = "object.spec.?serviceAccountName.orValue('')"
_CORE: Final = "authorizer.group('').resource({0}).namespace(request.namespace).name({1}).check('{2}').allowed()"


def make_policies() -> list[Manifest]:
    """The policies and their bindings."""
    return [*_references(), *_sinks(), *_packets()]


def _references() -> list[Manifest]:
    kinds = [KINDS[kind].plural for kind in (Model, MLModel)]
    return make_policy(
        NAME,
        rules=[match_resources(GROUP, kinds, version=VERSION, operations=("CREATE", "UPDATE"))],
        conditions={"spec-changes": "oldObject == null || object.spec != oldObject.spec", **_NO_INSTANCE},
        variables={"reads": _READS},
        validations=[
            {
                "expression": f"size(variables.reads) <= {REFERENCES}",
                "message": "artifactSecret, capture.sinkSecret, imagePullSecrets and env[].valueFrom may have at most "
                f"{REFERENCES} references in total; put plain values in env[].value, or several keys in one file",
            },
            _account_validation(),
            *(_validation(index, what="model", reader="its pods could read it") for index in range(REFERENCES)),
        ],
    )


def _sinks() -> list[Manifest]:
    was, named = _VARIANTS.format("oldObject"), "capture.?sinkSecret.orValue('') != ''"
    return make_policy(
        SINKS,
        rules=[
            match_resources(GROUP, [KINDS[EndpointConfig].plural], version=VERSION, operations=("CREATE", "UPDATE"))
        ],
        conditions={
            "capture-changes": "oldObject == null || object.spec.?capture != oldObject.spec.?capture || "
            f"{_VARIANTS.format('object')} != {was}",
            **_NO_INSTANCE,
        },
        variables={
            "reads": f"({_CAPTURES}).filter(capture, {named}).map(capture, ['secrets', string(capture.sinkSecret)])"
        },
        validations=[
            _validation(index, what="config", reader="it would be sent to a sink of your choice")
            for index in range(SINKS_OF_A_CONFIG)
        ],
    )


def _packets() -> list[Manifest]:
    """Who captures packets needs a namespace that an administrator has opened for that."""
    own, old = (
        "object.spec.?capture.?engine.orValue('') == 'gor'",
        "oldObject.spec.?capture.?engine.orValue('') == 'gor'",
    )
    models = "{0}.spec.?models.orValue([]).exists(model, model.?capture.?engine.orValue('') == 'gor')"
    had = f"({old} || {models.format('oldObject')})"
    return make_policy(
        PACKETS,
        rules=[
            match_resources(
                GROUP,
                [KINDS[kind].plural for kind in (EndpointConfig, MLModel)],
                version=VERSION,
                operations=("CREATE", "UPDATE"),
            )
        ],
        conditions={
            "captures-packets": f"({own} || {models.format('object')}) && (oldObject == null || !{had})",
            **_NO_INSTANCE,
        },
        variables={},
        validations=[
            {
                "expression": PRIVILEGED,
                "messageExpression": "'capture.engine: gor needs the capability NET_RAW, which namespace ' + "
                "request.namespace + ' does not allow. Use engine: nginx, or ask an administrator to label the "
                "namespace pod-security.kubernetes.io/enforce: privileged'",
                "message": "capture.engine: gor needs the capability NET_RAW, which the namespace does not allow",
                "reason": "Forbidden",
            }
        ],
    )


def _validation(index: int, *, what: str, reader: str) -> Manifest:
    kind, name = (f"variables.reads[{index}][{part}]" for part in (0, 1))
    needs = _CORE.format(kind, name, "get")
    return {
        "expression": f"size(variables.reads) <= {index} || {needs}",
        "messageExpression": f"'spec names ' + {kind} + '/' + {name} + ', which ' + request.userInfo.username "
        f"+ ' may not get in namespace ' + request.namespace + "
        f"'; writing this {what} requires that permission, since {reader}. "
        "Ask for a Role that allows the verb get on it, or remove the reference'",
        "message": "spec names a Secret or ConfigMap that you may not get",
        "reason": "Forbidden",
    }


def _account_validation() -> Manifest:
    needs = _CORE.format("'serviceaccounts'", _ACCOUNT, "impersonate")
    return {
        "expression": f"{_ACCOUNT} == '' || {needs}",
        "messageExpression": f"'spec.serviceAccountName is ' + {_ACCOUNT} + ', which ' + request.userInfo.username "
        "+ ' may not impersonate in namespace ' + request.namespace + "
        "'; writing this model requires that permission, since its pods would run as that account. "
        "Ask for a Role that allows the verb impersonate on it, or remove the reference'",
        "message": "spec.serviceAccountName names a ServiceAccount that you may not impersonate",
        "reason": "Forbidden",
    }
