"""Bad input never gets in, and the message says what is wrong."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver.api.objects import a_template, an_instance
from tests.kit.sync_client import SyncClient

TABLE = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text())
ROWS = [pytest.param(short, row, id=f"{short}: {row['when']}") for short, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize(("short", "row"), ROWS)
def test_is_refused_when(short: str, row: dict[str, Any], server: SyncClient) -> None:
    make = an_instance if row.get("instance") else a_template
    obj = make(short, "default", name=row.get("name", "titanic"), spec=row.get("spec"))
    if row.get("whole"):
        del obj["spec"]

    response = server.create(short, obj)

    message = response.json()["message"]
    assert row["says"] in message
    assert row.get("at", "") in message
    assert response.status_code in (400, 422)


def test_the_table_is_as_long_as_the_specification_asks() -> None:
    assert len(ROWS) >= 60
