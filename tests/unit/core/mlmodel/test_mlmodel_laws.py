"""What must be true whatever a user does, whatever breaks, and wherever the operator is killed."""

from collections.abc import Callable
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from mlendpoints.core.world import Ref
from tests.kit import builders
from tests.simulation import CrashError
from tests.simulation_mlmodel import Namespace

BAD_IMAGE = "registry.example.com/bad:1"
BAD_ARTIFACT = "http://artifacts.example.com/missing.tar.gz"
IMAGES = ("registry.example.com/titanic:1", "registry.example.com/titanic:2", BAD_IMAGE)
ARTIFACTS = ("", *(f"http://artifacts.example.com/titanic-{n}.tar.gz" for n in (1, 2)), BAD_ARTIFACT)

Move = Callable[[Namespace], object]


def edits(field: str, *values: object) -> list[tuple[str, Move]]:
    return [(f"{field}={value}", partial(edit, field=field, value=value)) for value in values]


def edit(namespace: Namespace, *, field: str, value: object) -> None:
    namespace.edit(**{field: value})


def look(namespace: Namespace) -> None:
    namespace.reconcile()


def work(namespace: Namespace) -> None:
    namespace.step()


def wait(namespace: Namespace) -> None:
    namespace.now += 400


def lose_a_job(namespace: Namespace) -> None:
    for name in namespace.names("Job")[:1]:
        namespace.remove(Ref("Job", builders.NAMESPACE, name))


MOVES: list[tuple[str, Move]] = [
    *edits("image", *IMAGES),
    *edits("artifact", *ARTIFACTS),
    *edits("replicas", 1, 3),
    *[("look", look)] * 6,
    *[("work", work)] * 6,
    ("wait", wait),
    ("lose a job", lose_a_job),
]
histories = st.lists(st.sampled_from(MOVES), max_size=30)


def serving() -> Namespace:
    namespace = Namespace(builders.an_mlmodel())
    namespace.bad_images.add(BAD_IMAGE)
    namespace.bad_artifacts.add(BAD_ARTIFACT)
    return namespace.settle()


def judge(namespace: Namespace) -> None:
    assert namespace.answering(), "nobody answers"
    assert namespace.lost_claims() == set(), "a pod's claim has gone"


def mend(namespace: Namespace) -> Namespace:
    namespace.bad_images.clear()
    namespace.bad_artifacts.clear()
    namespace.now += 400
    return namespace.settle(judge)


def is_as_asked(namespace: Namespace) -> bool:
    status, name = namespace.status, f"titanic-{namespace.status.version}"
    claims = [name] if namespace.model.spec.artifact else []
    assert status.phase == "Ready", status.message
    assert namespace.answering() == {status.version}
    assert len(namespace.pods) == namespace.model.spec.replicas
    assert namespace.names("PersistentVolumeClaim") == claims
    assert set(namespace.names("Job")) <= set(claims)
    return True


@settings(max_examples=150)
@given(histories)
def test_somebody_answers_all_the_time_and_in_the_end_it_is_as_asked(history: list[tuple[str, Move]]) -> None:
    namespace = serving()
    for _, move in history:
        move(namespace)
        judge(namespace)

    assert is_as_asked(mend(namespace))


@settings(max_examples=60)
@given(histories)
def test_planning_the_planned_changes_nothing(history: list[tuple[str, Move]]) -> None:
    namespace = serving()
    for _, move in history:
        move(namespace)
    namespace.settle()

    assert not namespace.reconcile()


@settings(max_examples=60)
@given(st.sampled_from(MOVES[:7]), st.sampled_from(MOVES[:7]), st.integers(1, 12))
def test_killed_before_any_write_it_ends_the_same(
    first: tuple[str, Move], second: tuple[str, Move], calls: int
) -> None:
    namespace = serving()
    namespace.crash_at = namespace.calls + calls
    for _, move in (first, second):
        move(namespace)
        try:
            namespace.settle(judge)
        except CrashError:
            namespace.settle(judge)
    namespace.crash_at = None

    assert is_as_asked(mend(namespace))
