"""Where the example's two models disagree, as a replay finds it."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

from tests.images.processes import Running, model_server
from tests.replay.running import Replay, written
from tests.unit.replay.records import captured

Run = Callable[..., Replay]
PASSENGERS = [
    {"class": class_, "sex": sex, "age": age}
    for class_, sex, age in itertools.product(("1st", "2nd", "3rd", "crew"), ("female", "male"), ("adult", "child"))
]


def record(server: Running, passenger: dict[str, str], number: int) -> bytes:
    """A request to the server, as it would have been captured."""
    body = json.dumps([passenger]).encode()
    reply = server.ask("POST", "/invocations", body, Content_Type="application/json")
    content_type = reply.headers["content-type"]
    return captured(body, reply.body, content_type=content_type, status=reply.status, path=f"/invocations?{number}")


def test_the_forest_and_the_regression_disagree_on_two_kinds_of_people(replay: Run, tmp_path: Path) -> None:
    with (
        model_server(tmp_path / "forest") as forest,
        model_server(tmp_path / "regression", artifact="titanic-lr") as regression,
    ):
        source = written(tmp_path, *(record(forest, each, number) for number, each in enumerate(PASSENGERS)))
        again = replay(source, f"http://127.0.0.1:{forest.port}")
        assert (again.code, again.report["comparison"]["match_rate"]) == (0, 1.0)

        exact = replay(source, f"http://127.0.0.1:{regression.port}")
        assert exact.report["comparison"]["places"]["$[*].probability"] == len(PASSENGERS)

        labels = replay(source, f"http://127.0.0.1:{regression.port}", "--ignore", "$[*].probability")
    assert (labels.code, labels.report["comparison"]["different"]) == (1, 2)
    disagreed = [json.loads(each["body"])[0] for each in labels.report["differences"]]
    assert disagreed == [
        {"class": "2nd", "sex": "male", "age": "child"},
        {"class": "3rd", "sex": "female", "age": "child"},
    ]
