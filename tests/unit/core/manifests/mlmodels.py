"""What an MLModel comes to: every manifest for what a user asks in YAML, without an API server.

The golden files hold both. After a wanted change, rewrite them and read the difference:
``python -m tests.unit.core.manifests.mlmodels``.
"""

from pathlib import Path

import msgspec
import yaml

from mlendpoints.api.mlmodel import MLModel
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.mlmodel import (
    freeze,
    make_download_job,
    make_mlmodel_claim,
    make_mlmodel_deployment,
    make_mlmodel_service,
)
from mlendpoints.core.manifests.monitoring import make_monitoring_service, make_pod_monitor
from tests.unit.core.manifests.made import SETTINGS, as_yaml

GOLDEN = Path(__file__).parent.parent / "golden-mlmodel"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/asked.yaml"))


def requested(case: str) -> MLModel:
    """What the golden case asks for."""
    return msgspec.convert(yaml.safe_load((GOLDEN / case / "asked.yaml").read_text()), MLModel)


def made(model: MLModel) -> list[Manifest]:
    """Every manifest of the MLModel, in the order in which they are written."""
    version = freeze(model, SETTINGS)
    storage = [make_mlmodel_claim(model, version), make_download_job(model, version)] if model.spec.artifact else []
    return [
        *storage,
        make_mlmodel_service(model),
        make_mlmodel_deployment(model, version),
        make_monitoring_service(model, scraped=False),
        make_pod_monitor(model, SETTINGS),
    ]


if __name__ == "__main__":
    for name in CASES:
        (GOLDEN / name / "made.yaml").write_text(as_yaml(made(requested(name))))
