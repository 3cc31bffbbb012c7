"""Nothing that a container, a kubelet or the API server says gets into a message as more than a short line of text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.core.findings import Finding
from mlendpoints.core.reasons.pods import instance_findings
from mlendpoints.core.reasons.quoting import QUOTED, one_line, quoted, quoted_end
from mlendpoints.core.world import Child, ContainerFacts, PodFacts, Ref, Rejection, WarningEvent

OURS = 1000  # characters of our own words, and of names, around what is quoted
HOSTILE = st.text(
    st.one_of(
        st.characters(categories=["Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"]),
        st.sampled_from("\x1b[2J\r\n\u009b\u202e\u2028\u2029\u200b. "),
        st.characters(),
    ),
    max_size=3000,
)
EXITS = st.sampled_from([None, 0, 1, 12, 137, 143])
REASONS = ("ImagePullBackOff", "CreateContainerConfigError", "CrashLoopBackOff", "")


@st.composite
def containers(draw: st.DrawFn) -> ContainerFacts:
    said = draw(HOSTILE)
    failure = json.dumps({"reason": "ArtifactDownloadFailed", "message": said})
    return ContainerFacts(
        name=draw(st.sampled_from(["model", "model-init", "nginx"])),
        waiting_reason=draw(st.sampled_from(REASONS)),
        waiting_message=said,
        exit_code=draw(EXITS),
        exit_reason=draw(st.sampled_from(["Error", "OOMKilled"])),
        termination_message=draw(st.sampled_from([said, failure])),
        probe="/ping on port 8080",
    )


@st.composite
def pods(draw: st.DrawFn) -> PodFacts:
    warning = WarningEvent(container="model", message=f"Startup probe failed: {draw(HOSTILE)}", at=1.0)
    describe_evictions = draw(st.booleans())
    return PodFacts(
        name="p",
        instance="rfc-1",
        unschedulable=draw(st.just("") | HOSTILE),
        has_ended=describe_evictions,
        end=f"Evicted: {draw(HOSTILE)}" if describe_evictions else "",
        containers=tuple(draw(st.lists(containers(), max_size=2))),
        warnings=draw(st.sampled_from([(), (warning,)])),
    )


def judged(*some: PodFacts, failure: str = "", rejections: tuple[Rejection, ...] = ()) -> Finding:
    deployment = Child(ref=Ref("Deployment", "titanic", "rfc-1"), uid="u", resource_version="1", failure=failure)
    return instance_findings("rfc-1", deployment=deployment, pods=some, rejections=rejections, desired=1, ready=0)


def is_a_short_line(message: str) -> bool:
    return message.isprintable() and len(message) <= 2 * QUOTED + OURS


@given(pod=pods())
def test_what_a_pod_says_of_itself_becomes_a_short_line(pod: PodFacts) -> None:
    assert is_a_short_line(judged(pod).message)


@given(said=HOSTILE)
def test_what_the_api_server_says_becomes_a_short_line(said: str) -> None:
    assert is_a_short_line(judged(failure=f"pods is forbidden: {said}").message)
    assert is_a_short_line(judged(rejections=(Rejection("InvalidSpec", said),)).message)


@given(said=HOSTILE)
def test_a_finding_can_be_printed_whatever_it_is_made_of(said: str) -> None:
    assert Finding.no("InvalidSpec", f"It says: {said}").message.isprintable()


@given(said=HOSTILE)
def test_what_is_quoted_is_bounded_and_quoting_it_again_changes_nothing(said: str) -> None:
    for quote in (quoted, quoted_end):
        assert quote(said).isprintable()
        assert len(quote(said)) <= QUOTED
        assert quote(quote(said)) == quote(said)


@given(said=st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=QUOTED))
def test_ordinary_words_of_any_language_stay_as_they_are(said: str) -> None:
    assert quoted(said) == quoted_end(said) == one_line(said) == said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("a\u009b31mb", "a 31mb"),
        ("pay \u202eelcitra\u202c now", "pay elcitra now"),
        ("one\u2028two\u2029three\r\nfour", "one two three four"),
        ("tab\there\x00", "tab here"),
    ],
)
def test_what_moves_cursors_and_directions_becomes_a_space(said: str, told: str) -> None:
    assert one_line(said) == told


def test_of_a_log_the_end_is_told_of_a_sentence_the_beginning() -> None:
    words = f"first {'x' * 1000} last"

    assert quoted(words).startswith("first ")
    assert quoted(words).endswith("...")
    assert quoted_end(words).startswith("...")
    assert quoted_end(words).endswith(" last")
