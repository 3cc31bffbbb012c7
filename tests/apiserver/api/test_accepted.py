from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from mlendpoints.api.crd import KINDS
from mlendpoints.api.meta import API_VERSION
from tests.apiserver.api.objects import SPECS, a_template, an_instance, references
from tests.kit.sync_client import KIND_NAMES, Object, SyncClient, address

EXAMPLES = Path(__file__).parents[3] / "examples"
SHORT_NAMES = {kind: short for short, kind in KIND_NAMES.items()}
KINDS_BY_SHORT_NAME = {names.short: kind for kind, names in KINDS.items()}
LONGEST_TEMPLATE = "a23456789b123456789c123456789d123456789e123456789f1234"
LONGEST_INSTANCE = f"{LONGEST_TEMPLATE}-3f9c2ab1"
DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
VARIANT = {"name": "blue", "model": "titanic-rfc"}

FULL = {
    "resources": {f"example.com/device-{number}": 1 for number in range(16)},
    "nodeSelector": {f"example.com/label-{number}": "a" * 63 for number in range(16)},
    "tolerations": [{"key": "a" * 316, "value": "b" * 63, "effect": "NoSchedule"}] * 16,
    "path": "/mnt" * 250,
}
ARTIFACTS = (
    "https://models.example.com:8443/a/t..tgz?path=/../b&v=2",
    "s3://models.example.com/titanic/v2/model.tar.gz",
    "s3://models/titanic/",
    "s3://models",
    "gs://titanic_models/my model.zip",
    "az://models/titanic.tar.zst",
    "pvc://models/titanic/v2",
    "pvc://models",
)
REFERRING = [
    {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "titanic", "key": "api.token", "optional": True}}},
    {"name": "LEVEL", "value": "", "valueFrom": {"configMapKeyRef": {"name": "titanic", "key": "log_level"}}},
]
LARGE = {  # 64 KiB: 128 times 256 bytes, 2 times 8192, 16384 - 1 in characters of 3 bytes, and 1
    "env": [{"name": f"V{n:03}", "value": "a" * 252} for n in range(128)],
    "command": ["b" * 8192, "b" * 8192],
    "args": ["\u2026" * 5461, "c"],
}

CAPTURE = {
    "enabled": True,
    "sink": "s3://captured.example.com/titanic/" + "x" * 2000,
    "sinkSecret": "writer",
    "percentage": 0.001,
    "capture": ["Output", "Input"],
    "contentTypes": ["application/vnd.titanic+json", "image/*"] + ["text/csv"] * 30,
    "maxBytes": 64 << 10,
    "redact": {"headers": ["x-" + "a" * 126] * 32, "jsonPaths": ["$.a[*]._b-1" + "[*]" * 80] * 32},
}
SINKS = ("https://captured.example.com:8443/in", "s3://captured", "gs://captured/a", "az://captured/a b", "pvc://c/a")

GOOD: list[tuple[str, str, Object]] = [
    ("mlm", "an image alone", {}),
    ("mlm", "an image by digest", {"image": f"registry.example.com:5000/team/titanic@{DIGEST}"}),
    (
        "mlm",
        "an artifact with its digest",
        {"artifact": "https://example.com:8443/a/t.tgz?v=2", "artifactDigest": DIGEST},
    ),
    ("mlm", "an artifact inside the cluster", {"artifact": "http://artifacts.titanic.svc/titanic-rfc.tar.gz"}),
    *((kind, f"the artifact {url}", {"artifact": url}) for kind in ("mlm", "mlmodel") for url in ARTIFACTS),
    *((kind, "a secret", {"artifact": ARTIFACTS[1], "artifactSecret": "s3-reader"}) for kind in ("mlm", "mlmodel")),
    ("mlm", "no arguments", {"args": []}),
    ("mlm", "a command and arguments", {"command": ["python"], "args": ["-m", "server"]}),
    ("mlm", "environment", {"env": [{"name": "OMP_NUM_THREADS", "value": "1"}, {"name": "EMPTY"}]}),
    ("mlm", "environment of Secrets and ConfigMaps", {"env": REFERRING}),
    ("mlm", "16 references", references(artifact=1, pull=3, env=12)),
    ("mlmodel", "16 references", references(artifact=1, pull=8, env=7)),
    ("mlm", "everything else", {"port": 9000, "healthPath": "/health/ready", "runAsUser": 65534}),
    ("mlec", "a name and a model", {}),
    ("mlec", "numbers as quantities", {"models": [{"cpus": 1, "resources": {"nvidia.com/gpu": 1}}]}),
    ("mlec", "strings as quantities", {"models": [{"cpus": "0.5", "memory": "512Mi", "size": "10G"}]}),
    ("mlec", "huge pages", {"models": [{"resources": {"hugepages-2Mi": "100Mi"}}]}),
    (
        "mlec",
        "a weight of 0 without instances",
        {"models": [{}, {"name": "old", "model": "m", "weight": 0, "instances": 0}]},
    ),
    ("mlec", "the same model twice", {"models": [{}, {"name": "again", "model": "titanic-rfc"}]}),
    ("mlec", "a node directory", {"models": [{"path": "/mnt/models"}]}),
    ("mlec", "a storage class", {"models": [{"storageClass": "fast-disks.example.com"}]}),
    ("mlec", "storage that pods share", {"models": [{"storageClass": "files", "accessMode": "ReadWriteMany"}]}),
    ("mlec", "a choice of nodes", {"models": [{"nodeSelector": {"kubernetes.io/arch": "amd64"}}]}),
    ("mlec", "a taint put up with", {"models": [{"tolerations": [{"key": "gpu", "operator": "Exists"}]}]}),
    ("mlec", "all taints put up with", {"models": [{"tolerations": [{"operator": "Exists"}]}]}),
    ("mlec", "as much as there may be", {"models": [FULL, *(VARIANT | FULL | {"name": f"v{n}"} for n in range(9))]}),
    ("mlm", "as much as there may be", LARGE),
    *(
        ("mlm", f"the pull policy {policy}", {"imagePullPolicy": policy})
        for policy in ("Always", "IfNotPresent", "Never")
    ),
    ("mlmodel", "an image alone", {}),
    (
        "mlmodel",
        "another server's contract",
        {"port": 8501, "healthPath": "/v1/models/titanic", "args": ["--rest_api_port=8501"]},
    ),
    (
        "mlmodel",
        "numbers as quantities, an accelerator",
        {"cpus": 1, "size": "10G", "resources": {"nvidia.com/gpu": 1}, "nodeSelector": {"gpu": "yes"}},
    ),
    ("mlmodel", "storage of a class", {"storageClass": "fast", "accessMode": "ReadWriteMany"}),
    ("mlmodel", "no pods", {"replicas": 0}),
    ("mlmodel", "as much as there may be", LARGE),
    ("mle", "a config and a host", {}),
    ("mle", "a config alone", {"host": None}),
    ("mle", "HTTPS", {"tls": True}),
    ("mle", "another try", {"update": {"attempt": "2"}}),
    *((kind, f"the sink {sink}", {"capture": {"sink": sink}}) for kind in ("mlec", "mlmodel") for sink in SINKS),
    *((kind, "a capture that is off", {"capture": {"enabled": False}}) for kind in ("mlec", "mlmodel")),
    ("mlmodel", "all of a capture", {"capture": CAPTURE}),
    ("mlec", "a capture of large bodies", {"capture": {"sink": "s3://captured", "maxBytes": 4 << 20}}),
    (
        "mlec",
        "all of a capture, for each of as many variants as there can be",
        {"capture": CAPTURE, "models": [VARIANT | {"name": f"v{n}", "capture": CAPTURE} for n in range(10)]},
    ),
]


@pytest.mark.parametrize(("short", "what", "spec"), GOOD, ids=[f"{short} with {what}" for short, what, _ in GOOD])
def test_is_accepted(short: str, what: str, spec: Object, server: SyncClient, namespace: str) -> None:
    response = server.create(short, a_template(short, namespace, spec=spec))

    assert response.json().get("message") is None, what
    assert response.status_code == 201
    assert msgspec.convert(response.json(), KINDS_BY_SHORT_NAME[short]).metadata.namespace == namespace


@pytest.mark.parametrize("short", sorted(SPECS))
def test_a_template_name_of_54_characters_is_accepted(short: str, server: SyncClient, namespace: str) -> None:
    assert server.create(short, a_template(short, namespace, name=LONGEST_TEMPLATE)).status_code == 201


SIZES = {"cpus": "1", "memory": "1Gi", "size": "1Gi", "accessMode": "ReadWriteOnce"}
DEFAULTS: list[tuple[str, Object]] = [
    (
        "mlm",
        {
            "image": "registry.example.com/titanic:1.4",
            "args": ["serve"],
            "port": 8080,
            "healthPath": "/ping",
            "startupTimeoutSeconds": 300,
            "runAsUser": 1000,
        },
    ),
    ("mlec", {"models": [VARIANT]}),
    ("mle", {"config": "titanic", "host": "titanic.example.com", "update": {"deadlineSeconds": 600}}),
    (
        "mlmodel",
        {
            "image": "registry.example.com/titanic:1.4",
            "args": ["serve"],
            "port": 8080,
            "healthPath": "/ping",
            "startupTimeoutSeconds": 300,
            "runAsUser": 1000,
            "replicas": 1,
            "downloadTimeoutSeconds": 3600,
        }
        | SIZES,
    ),
]


@pytest.mark.parametrize(("short", "spec"), DEFAULTS)
def test_unset_fields_get_their_defaults(short: str, spec: Object, server: SyncClient, namespace: str) -> None:
    assert server.create(short, a_template(short, namespace)).json()["spec"] == spec


def _example_objects() -> list[Any]:
    documents = [
        (path.relative_to(EXAMPLES), document)
        for path in sorted(EXAMPLES.rglob("*.y*ml"))
        for document in yaml.safe_load_all(path.read_text())
    ]
    return [
        pytest.param(document, id=f"{path}: {document['kind']} {document['metadata']['name']}")
        for path, document in documents
        if document and document.get("apiVersion") == API_VERSION
    ]


@pytest.mark.parametrize("example", _example_objects())
def test_every_example_is_accepted(example: Object, server: SyncClient, namespace: str) -> None:
    short = SHORT_NAMES[example["kind"]]
    obj = example | {"metadata": example["metadata"] | {"namespace": namespace}}

    response = server.create(short, obj)

    assert response.status_code == 201, response.json()["message"]


def test_examples_show_every_kind() -> None:
    assert {example.values[0]["kind"] for example in _example_objects()} == set(SHORT_NAMES)


@pytest.mark.parametrize("short", ["mlm", "mlec"])
def test_the_longest_name_of_an_instance_is_accepted(
    short: str, server: SyncClient, namespace: str, operator: SyncClient
) -> None:
    instance = an_instance(short, namespace, name=LONGEST_INSTANCE)

    assert operator.create(short, instance).status_code == 201
    assert server.read(address(short, instance))["spec"]["instance"]["version"]


@pytest.mark.parametrize("short", ["mlm", "mlmodel"])
def test_17_references_are_rejected(short: str, server: SyncClient, namespace: str) -> None:
    response = server.create(short, a_template(short, namespace, spec=references(artifact=1, pull=8, env=8)))

    assert "may have at most 16 references in total" in response.json()["message"]
    assert response.status_code == 422


@pytest.mark.parametrize("short", ["mlm", "mlmodel"])
def test_more_than_64_kib_of_environment_and_arguments_are_rejected(
    short: str, server: SyncClient, namespace: str
) -> None:
    response = server.create(short, a_template(short, namespace, spec=LARGE | {"args": ["\u2026" * 5461, "cc"]}))

    assert "command, args and env together may have at most 64 KiB" in response.json()["message"]
    assert response.status_code == 422
