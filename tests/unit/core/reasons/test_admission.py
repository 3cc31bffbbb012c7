"""What ResourceQuota and LimitRange reject is said of a container, with whose it is and the way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.reasons import Reason
from mlendpoints.core.reasons.admission import FETCHER_RESOURCES as FETCHER
from mlendpoints.core.reasons.admission import PROXY_RESOURCES as NGINX
from mlendpoints.core.reasons.admission import explain_rejection
from tests.kit.builders import a_model
from tests.unit.core.manifests.test_deployment import an_instance

INSTANCE = an_instance(cpus="500m", memory="3Gi")
PODS = 'pods "rfc-1-x" is forbidden: '
EXCEEDED = f"{PODS}exceeded quota: r, requested: limits.cpu=1, used: limits.cpu=2, limited: limits.cpu=2"
UNLIMITED = f"{PODS}failed quota: r: must specify limits.cpu for: model,nginx; limits.ephemeral-storage for: model"
UNREQUESTED = f"{PODS}failed quota: r: must specify requests.ephemeral-storage for: model,nginx"
OLDER = f"{PODS}failed quota: r: must specify limits.cpu,requests.ephemeral-storage"


def test_an_exceeded_quota_is_passed_on() -> None:
    assert explain_rejection(EXCEEDED, INSTANCE) == (Reason.QUOTA_EXCEEDED, f"{without_name(EXCEEDED)}.")


def test_a_retry_is_said_in_the_same_words() -> None:
    retried = f"Error creating: {EXCEEDED.replace('rfc-1-x', 'rfc-1-y')}"

    assert explain_rejection(retried, INSTANCE) == explain_rejection(EXCEEDED, INSTANCE)


def test_a_pod_that_fetches_nothing_has_its_containers_named_too() -> None:
    bare = an_instance(a_model(artifact=""), cpus="500m", memory="3Gi")

    _, message = explain_rejection(f"{PODS}maximum memory usage per Container is 2Gi, but limit is 3Gi", bare)

    assert message.endswith(THEIRS)


def without_name(message: str) -> str:
    return message.replace(PODS, "Pods are forbidden: ")


@pytest.mark.parametrize(
    ("message", "way_out"),
    [
        (UNLIMITED, "that sets default of limits.cpu, limits.ephemeral-storage for containers"),
        (UNREQUESTED, "that sets defaultRequest of requests.ephemeral-storage for containers"),
        (OLDER, "that sets default and defaultRequest of limits.cpu, requests.ephemeral-storage for containers"),
    ],
)
def test_a_quota_of_what_no_container_specifies_tells_the_way_out(message: str, way_out: str) -> None:
    reason, said = explain_rejection(message, INSTANCE)

    assert reason == Reason.QUOTA_EXCEEDED
    assert said.startswith(f"{without_name(message)}. Create a LimitRange in the namespace {way_out}")


OURS = "That is container {}, which the operator adds: an administrator can change it with the value {} of"
THEIRS = "That is container model: change cpus, memory or resources in the spec, or the LimitRange."


@pytest.mark.parametrize(
    ("message", "whose"),
    [
        ("minimum cpu usage per Container is 100m, but request is 10m", OURS.format("nginx", NGINX)),
        ("maximum memory usage per Container is 1Gi, but limit is 3Gi", THEIRS),
        ("minimum memory usage per Container is 128Mi, but request is 64Mi", OURS.format("model-init", FETCHER)),
        (
            "memory max limit to request ratio per Container is 2, but provided ratio is 4.000000",
            OURS.format("model-init", FETCHER),
        ),
        (
            "memory max limit to request ratio per Container is 2, but provided ratio is 22.000000",
            OURS.format("nginx", NGINX),
        ),
        (
            "[minimum cpu usage per Container is 1, but request is 500m, maximum cpu usage per Container is 2.]",
            THEIRS,
        ),
    ],
)
def test_a_limit_range_is_told_of_the_container_and_whose_it_is(message: str, whose: str) -> None:
    reason, said = explain_rejection(PODS + message, INSTANCE)

    assert reason == Reason.INVALID_SPEC
    assert said.startswith(f"Pods are forbidden: {message}. ")
    assert whose in said


def test_each_of_several_violations_is_told_with_whose_it_is() -> None:
    both = (
        "[minimum cpu usage per Container is 100m, but request is 10m,"
        " maximum memory usage per Container is 1Gi, but limit is 3Gi]"
    )
    _, said = explain_rejection(PODS + both, INSTANCE)

    assert "The cpu request of 10m is that of container nginx, which the operator adds: " in said
    assert "The memory limit of 3Gi is that of container model: change cpus, memory or resources in the spec" in said
    assert said.count("container nginx") == 1


def test_a_missing_service_account_is_a_missing_reference() -> None:
    missing = f'{PODS}error looking up service account titanic/x: serviceaccount "x" not found'

    assert explain_rejection(missing, INSTANCE) == (
        Reason.REFERENCE_NOT_FOUND,
        f"{without_name(missing)}. Create it, or correct serviceAccountName; pods are then created automatically.",
    )


@pytest.mark.parametrize("message", ["violates PodSecurity restricted", "maximum cpu usage per Pod is 1"])
def test_what_names_its_object_itself_is_passed_on(message: str) -> None:
    assert explain_rejection(PODS + message, INSTANCE) == (Reason.INVALID_SPEC, f"Pods are forbidden: {message}.")
    assert explain_rejection(PODS + message, None) == (Reason.INVALID_SPEC, f"Pods are forbidden: {message}.")


@given(st.text())
def test_no_words_of_the_api_server_break_the_judgement(words: str) -> None:
    for message in (words, f"failed quota: must specify {words}", f"maximum {words} usage per Container is {words}"):
        assert explain_rejection(message, INSTANCE)[1]


@pytest.mark.parametrize(
    "violation",
    [
        (
            '"baseline:latest": non-default capabilities (container "recorder" must not include "NET_RAW" in'
            " securityContext.capabilities.add)"
        ),
        (
            '"restricted:latest": unrestricted capabilities (container "recorder" must not include "NET_RAW" in'
            ' securityContext.capabilities.add), runAsNonRoot != true (container "recorder" must not set'
            " securityContext.runAsNonRoot=false)"
        ),
    ],
)
def test_pod_security_that_rejects_the_recorder_is_said_with_the_way_out(violation: str) -> None:
    reason, message = explain_rejection(f"{PODS}violates PodSecurity {violation}", INSTANCE)
    assert reason == Reason.INVALID_SPEC
    assert message.startswith(f"Pods are forbidden: violates PodSecurity {violation}. The namespace does not allow")
    assert "Use engine: nginx, or ask an administrator to label the namespace pod-security" in message
