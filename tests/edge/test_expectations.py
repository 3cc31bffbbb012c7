from mlendpoints.core.world import Ref
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.reconcile.expectations import TIMEOUT, Expectations
from tests.edge.objects import NAMESPACE, Object, an_entry, an_object
from tests.kit.builders import some_settings

KEY = Ref("MachineLearningEndpoint", NAMESPACE, "ep")
SERVICE = Ref("Service", NAMESPACE, "s")


class Rig:
    """Expectations with everything around them."""

    def __init__(self) -> None:
        self.cache = Cache(some_settings())
        self.progress = Progress()
        self.time = 0.0
        self.progress.advance("Service", "", "5")
        self.expectations = Expectations(cache=self.cache, progress=self.progress, clock=lambda: self.time)

    def observe(self, obj: Object) -> None:
        self.cache.put(an_entry("Service", obj))


def test_a_key_waits_until_the_watch_has_come_to_its_write() -> None:
    rig = Rig()
    rig.expectations.expect(KEY, SERVICE, uid="uid-s", resource_version="9")
    assert not rig.expectations.are_met(KEY)
    rig.progress.advance("Service", "", "10")
    assert rig.expectations.are_met(KEY)


def test_versions_are_compared_as_numbers() -> None:
    rig = Rig()
    rig.progress.advance("Service", "", "99")
    rig.expectations.expect(KEY, SERVICE, uid="uid-s", resource_version="100")
    assert not rig.expectations.are_met(KEY)


def test_all_writes_are_waited_for() -> None:
    rig = Rig()
    rig.expectations.expect(KEY, SERVICE, uid="uid-s", resource_version="9")
    rig.expectations.expect(KEY, SERVICE, uid="uid-s", resource_version="12")
    rig.progress.advance("Service", "", "10")
    assert not rig.expectations.are_met(KEY)


def test_each_namespace_has_its_own_progress_when_they_are_watched_one_by_one() -> None:
    rig = Rig()
    rig.progress.advance("Pod", "titanic", "5")
    rig.progress.advance("Pod", "olympic", "50")
    rig.expectations.expect(KEY, Ref("Pod", "titanic", "p"), uid="u", resource_version="9")
    assert not rig.expectations.are_met(KEY)


def test_what_nobody_watches_is_not_waited_for() -> None:
    rig = Rig()
    rig.expectations.expect(KEY, Ref("Event", NAMESPACE, "e"), uid="u", resource_version="9")
    assert rig.expectations.are_met(KEY)


def test_other_keys_do_not_wait() -> None:
    rig = Rig()
    rig.expectations.expect(KEY, SERVICE, uid="uid-s", resource_version="9")
    assert rig.expectations.are_met(Ref(KEY.kind, NAMESPACE, "other"))


def test_a_deletion_is_seen_when_the_object_is_gone() -> None:
    rig = Rig()
    rig.observe(an_object("s"))
    rig.expectations.expect(KEY, SERVICE, uid="uid-s")
    assert not rig.expectations.are_met(KEY)
    rig.cache.drop(SERVICE)
    assert rig.expectations.are_met(KEY)


def test_a_deletion_is_seen_when_the_object_is_going() -> None:
    rig = Rig()
    rig.expectations.expect(KEY, SERVICE, uid="uid-s")
    rig.observe(an_object("s", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}))
    assert rig.expectations.are_met(KEY)


def test_a_deletion_is_seen_when_another_stands_in_the_objects_place() -> None:
    rig = Rig()
    rig.expectations.expect(KEY, SERVICE, uid="uid-of-the-older")
    rig.observe(an_object("s"))
    assert rig.expectations.are_met(KEY)


def test_an_object_that_a_write_has_removed_is_awaited_until_it_is_gone() -> None:
    rig = Rig()
    rig.observe(an_object("s", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}))
    rig.expectations.expect_gone(KEY, SERVICE, uid="uid-s")
    assert not rig.expectations.are_met(KEY)
    rig.cache.drop(SERVICE)
    assert rig.expectations.are_met(KEY)


def test_a_storage_restored_to_an_earlier_version_blocks_no_key_for_ever() -> None:
    rig = Rig()
    rig.expectations.expect(KEY, SERVICE, uid="uid-s", resource_version="9")
    rig.time = TIMEOUT + 1
    assert rig.expectations.are_met(KEY)
