"""A converged system sends nothing: told by the API server's audit log, not by the operator's own count."""

import time
import uuid

import pytest

from mlendpoints.edge.kube.kinds import MODEL
from tests.e2e.audit import AuditLog
from tests.e2e.conftest import LOCAL
from tests.e2e.inventory import KINDS
from tests.e2e.namespace import CONFIG_MAP, Namespace
from tests.kit.waiting import wait_until

WINDOW = 20.0  # seconds that are listened to
_LOG = LOCAL.parent / "logs" / "audit.log"


@pytest.fixture
def audit_log(is_local: bool) -> AuditLog:  # noqa: FBT001 (a fixture)
    if not is_local:
        pytest.skip(f"KUBECONFIG names a cluster whose audit log is not at {_LOG}")
    return AuditLog(_LOG)


def test_a_converged_endpoint_is_not_written_to(titanic: Namespace, audit_log: AuditLog) -> None:
    converged(titanic)
    complete(titanic, audit_log)
    audit_log.listen()
    before = versions(titanic)
    time.sleep(WINDOW)
    complete(titanic, audit_log)
    assert audit_log.writes(titanic.name) == []
    assert versions(titanic) == before
    told = {(verb, resource) for verb, resource, _ in audit_log.writes(titanic.name, whole=True)}
    assert ("create", "virtualservices") in told, "the log does not show what the operator wrote before"


def versions(namespace: Namespace) -> dict[str, str]:
    """Version of each object that the operator writes or has made."""
    found = (obj["metadata"] for kind in KINDS for obj in namespace.all(kind))
    return {metadata["uid"]: metadata["resourceVersion"] for metadata in found}


def converged(namespace: Namespace) -> None:
    """Waits until the endpoint, its templates and its instances have nothing more to report."""
    namespace.until_ready("titanic")
    namespace.until_rolled_out("titanic")
    for model in ("rfc", "lr"):
        namespace.until_condition(model, "RolledOut", "True", kind=MODEL)
    for instance in namespace.instances("titanic"):
        namespace.until_condition(instance["metadata"]["name"], "Ready", "True", kind=MODEL)


def complete(namespace: Namespace, log: AuditLog) -> None:
    """Waits until the log, which is written in batches, has a question that was asked only now."""
    mark = f"mark-{uuid.uuid4().hex}"
    namespace.server.ask("GET", CONFIG_MAP.path(namespace.name, mark))
    wait_until(lambda: log.mentions(mark), "the audit log is complete")
