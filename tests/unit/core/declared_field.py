"""Prints, as JSON, where a field of ``PodSettings`` shows: run with a copy of the source that has one more.

``python -m tests.unit.core.declared_field JSON``, with the values of a variant that users set.
"""

import json
import sys
from typing import Any

from mlendpoints.api.crd import KINDS, make_crd
from mlendpoints.api.reference import make_reference
from mlendpoints.core.manifests.deployment import make_deployment
from mlendpoints.core.manifests.instances import make_model_instance
from mlendpoints.core.manifests.mlmodel import freeze, make_mlmodel_deployment
from mlendpoints.core.versions import mlmodel_version, model_version
from tests.kit.builders import a_config, a_model, a_variant, an_endpoint, an_mlmodel
from tests.unit.core.manifests.made import SETTINGS, existing


def shown(**written: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """Versions, manifests, CRDs and reference, for a variant and an MLModel with these values."""
    variant, mlmodel = a_config(a_variant(**written)).spec.models[0], an_mlmodel(**written)
    version = model_version(endpoint_uid="uid", variant=variant, template=a_model())
    names = {"config_name": "titanic", "version": version}
    instance = make_model_instance(an_endpoint(), a_model(), variant, **names, replicas=1, settings=SETTINGS)
    return {
        "versions": [version, mlmodel_version(mlmodel)],
        "instance": instance["spec"]["instance"],
        "pods": [
            make_deployment(existing(instance), replicas=1)["spec"]["template"]["spec"],
            make_mlmodel_deployment(mlmodel, freeze(mlmodel, SETTINGS))["spec"]["template"]["spec"],
        ],
        "crds": {kind.KIND: json.dumps(make_crd(kind)) for kind in KINDS},
        "reference": make_reference(),
    }


if __name__ == "__main__":
    print(json.dumps(shown(**json.loads(sys.argv[1]))))  # noqa: T201 - its answer
