"""What doctor says of each defect, and that a sound cluster has none."""

import copy
from typing import Any

import pytest

from mlendpoints.api.crd import KINDS, make_crd
from mlendpoints.api.model import Model
from mlendpoints.cli import diagnosis
from mlendpoints.cli.diagnosis import Check

CRD = make_crd(Model)
PLACE = "istio-ingress/istio-ingressgateway"
SERVICE: dict[str, Any] = {"spec": {"type": "ClusterIP"}}
OPERATOR: dict[str, Any] = {"metadata": {"namespace": "ml", "name": "operator"}, "status": {"readyReplicas": 1}}
CLASS = {"metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}


def an_older_crd() -> dict[str, Any]:
    older = copy.deepcopy(CRD)
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["artifact"]
    return older


SOUND = [
    diagnosis.check_kubernetes({"gitVersion": "v1.34.4", "minor": "34+"}),
    *(diagnosis.check_crd(kind, make_crd(kind)) for kind in KINDS),
    diagnosis.check_operator({"items": [OPERATOR]}),
    diagnosis.check_istio({"versions": [{"version": "v1"}]}),
    diagnosis.check_gateway(PLACE, SERVICE),
    diagnosis.check_right("list", "pods", "titanic", {"status": {"allowed": True}}),
    diagnosis.check_storage({"items": [CLASS]}),
    diagnosis.check_prometheus({}),
]
DEFECTS = {
    "Kubernetes v1.29.0 is too old": diagnosis.check_kubernetes({"gitVersion": "v1.29.0", "minor": "29"}),
    "MachineLearningModel is not installed": diagnosis.check_crd(Model, None),
    "it has no spec.artifact": diagnosis.check_crd(Model, an_older_crd()),
    "The operator is not installed": diagnosis.check_operator({"items": []}),
    "No pod of the operator ml/operator is ready": diagnosis.check_operator({"items": [OPERATOR | {"status": {}}]}),
    "Istio's kinds": diagnosis.check_istio(None),
    "(networking.istio.io/v1) do not exist": diagnosis.check_istio({"versions": [{"version": "v1beta1"}]}),
    f"Service {PLACE} does not exist": diagnosis.check_gateway(PLACE, None),
    "has no external address": diagnosis.check_gateway(PLACE, {"spec": {"type": "LoadBalancer"}}),
    "You may not create pods": diagnosis.check_right("create", "pods", "titanic", {"status": {"allowed": False}}),
    "There is no default StorageClass": diagnosis.check_storage({"items": []}),
    "The kind PodMonitor does not exist": diagnosis.check_prometheus(None),
}


def test_a_sound_cluster_has_no_defect() -> None:
    assert {check.verdict for check in SOUND} == {"ok"}


@pytest.mark.parametrize("said", DEFECTS)
def test_each_defect_is_named_with_a_way_to_fix_it(said: str) -> None:
    check = DEFECTS[said]
    assert said in check.text
    assert check.fix
    assert check.verdict in ("warning", "failed")


def test_what_may_not_be_read_is_no_defect() -> None:
    check = diagnosis.check_crd(Model, "eve cannot get resource")
    assert check == Check("unknown", "The CRD of MachineLearningModel: eve cannot get resource")
    assert check.lines() == ["? The CRD of MachineLearningModel: eve cannot get resource"]
