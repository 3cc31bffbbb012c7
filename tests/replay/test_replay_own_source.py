"""A replay does not go to the pods that responded when its records were captured."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images.processes import model_server, nginx
from tests.replay.running import Replay, written
from tests.replay.targets import target
from tests.unit.replay.records import captured

Run = Callable[..., Replay]


@pytest.mark.usefixtures("_base_unpacked")
def test_the_proxy_of_the_records_own_version_is_not_a_target(replay: Run, tmp_path: Path) -> None:
    source = written(tmp_path, captured(), captured(instance="titanic-green-def"))
    with (
        model_server(tmp_path) as model,
        nginx(tmp_path, MODEL_PORT=str(model.port), INSTANCE="titanic-blue-abc", ENDPOINT="titanic") as proxy,
    ):
        found = replay(source, f"http://127.0.0.1:{proxy.port}")
        assert found.report["records"]["skipped"] == {"own_source": 1}
        assert found.report["records"]["sent"] == 1
        allowed = replay(source, f"http://127.0.0.1:{proxy.port}", "--allow-same-target")
        assert allowed.report["records"]["sent"] == 2


IN_SERVICE = {"/titanic-blue-abc": "titanic-blue-abc", "/titanic-green-def": "titanic-green-def"}


@pytest.mark.parametrize(
    ("more", "sent"),
    [((), []), (("--variant", "blue"), ["/green"]), (("--variant", "green"), ["/blue"])],
)
def test_a_gateway_is_no_target_for_the_variant_that_has_the_version_in_service(
    more: tuple[str, ...], sent: list[str], replay: Run, tmp_path: Path
) -> None:
    blue, green = captured(path="/blue"), captured(path="/green", variant="green", instance="titanic-green-def")
    with target(pings=IN_SERVICE) as gateway:
        found = replay(written(tmp_path, blue, green), gateway.url, *more)
    assert [each.path for each in gateway.received] == sent
    assert found.code == (0 if sent else 2)
    assert sent or "own_source" in found.said


def test_a_version_that_is_no_longer_in_service_can_be_replayed_to_its_endpoint(replay: Run, tmp_path: Path) -> None:
    with target(pings={"/titanic-blue-next": "titanic-blue-next"}) as gateway:
        assert replay(written(tmp_path, captured()), gateway.url).code == 0


@pytest.mark.parametrize(("host", "is_own"), [("Titanic.example.com", True), ("candidate.example.com", False)])
def test_a_record_without_a_version_is_judged_by_its_host(
    *, host: str, is_own: bool, replay: Run, tmp_path: Path
) -> None:
    with target() as gateway:
        found = replay(written(tmp_path, captured(instance="")), gateway.url, "--host", host)
    assert found.code == (2 if is_own else 0)
