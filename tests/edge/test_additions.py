"""What others add to a frozen pod template is found by the API server's record of who set which field."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.labels import MANAGER
from mlendpoints.edge.kube.metadata import ManagedFields
from mlendpoints.edge.observe.additions import additions
from tests.edge.scripted import Object

MODEL, DEBUG = 'k:{"name":"model"}', 'k:{"name":"DEBUG"}'


def entry(manager: str, template: Object, *, subresource: str = "") -> ManagedFields:
    fields = {"f:spec": {"f:template": template}}
    return ManagedFields(manager, subresource, fields=msgspec.Raw(json.dumps(fields).encode()))


def container(**fields: Object) -> Object:
    return {"f:spec": {"f:containers": {MODEL: {".": {}, **{f"f:{name}": value for name, value in fields.items()}}}}}


OURS = entry(MANAGER, container(image={}, env={".": {}, 'k:{"name":"A"}': {".": {}, "f:value": {}}}))
PATH = "spec.containers[model]"


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        (entry("kubectl-set", container(env={DEBUG: {".": {}, "f:value": {}}})), f"kubectl-set: {PATH}.env[DEBUG]"),
        (entry("kubectl-edit", container(command={})), f"kubectl-edit: {PATH}.command"),
        (entry("kubectl", {"f:spec": {"f:hostNetwork": {}}}), "kubectl: spec.hostNetwork"),
        (entry("x", {"f:spec": {"f:volumes": {".": {}, 'k:{"name":"v"}': {}}}}), "x: spec.volumes[v]"),
        (entry("x", {"f:metadata": {"f:labels": {"f:team": {}}}}), "x: metadata.labels.team"),
        (entry("velero", container(image={}, terminationMessagePath={}, env={'k:{"name":"A"}': {"f:value": {}}})), ""),
        (entry("kubectl-rollout", {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}), ""),
        (entry("kube-controller-manager", container(command={}), subresource="status"), ""),
        (ManagedFields("kube-controller-manager", fields=msgspec.Raw(b'{"f:metadata":{"f:annotations":{}}}')), ""),
    ],
)
def test_only_what_is_new_in_the_pods_is_told_with_who_added_it(theirs: ManagedFields, found: str) -> None:
    assert additions((OURS, theirs)) == found


def test_what_only_we_wrote_has_no_additions() -> None:
    assert additions((OURS,)) == ""


def test_many_additions_make_a_short_message() -> None:
    many: Object = {f'k:{{"name":"V{n:040}"}}': {".": {}} for n in range(100)}

    assert len(additions((OURS, entry("x" * 128, container(env=many))))) == 200


TREES: st.SearchStrategy[object] = st.recursive(
    st.just({}),
    lambda below: st.dictionaries(st.sampled_from([".", "f:env", "f:spec", MODEL, DEBUG, 'v:"x"', "i:0"]), below),
    max_leaves=20,
)


@given(TREES, TREES)
def test_every_field_set_that_an_api_server_keeps_can_be_read(ours: Object, theirs: Object) -> None:
    assert additions((entry(MANAGER, theirs), entry("other", theirs))) == ""
    assert len(additions((entry(MANAGER, ours), entry("other", theirs)))) <= 200
