"""The Prometheus operator's own definition of PodMonitors, as it is published."""

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path

import yaml

from tests.kit.sync_client import Object

_MODULE = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
_SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
_FILE = "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"


@functools.cache
def pod_monitor_crd() -> Object:
    """The CustomResourceDefinition, out of the Go module (4 MB), which Go keeps and checks."""
    command = ["go", "mod", "download", "-json", _MODULE]
    environment = {**os.environ, "GOFLAGS": "", "GOWORK": "off"}
    with tempfile.TemporaryDirectory() as nowhere:  # in no module
        done = subprocess.run(command, cwd=nowhere, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    module = json.loads(done.stdout)
    assert module["Sum"] == _SUM, module
    crd: Object = yaml.safe_load((Path(module["Dir"]) / _FILE).read_text())
    return crd
