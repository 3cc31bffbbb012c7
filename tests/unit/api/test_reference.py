import pytest

from mlendpoints.api.crd import KINDS, Kind
from mlendpoints.api.explanations import CONDITIONS, REASONS
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.api.reference import make_reference
from mlendpoints.api.structural import make_schema

PAGE = make_reference()


def test_every_reason_is_explained() -> None:
    assert set(REASONS) == set(Reason)


def test_every_condition_is_explained() -> None:
    assert set(CONDITIONS) == set(ConditionType)


@pytest.mark.parametrize("reason", Reason)
def test_an_explanation_says_what_it_means_and_what_to_do(reason: Reason) -> None:
    assert REASONS[reason].meaning.endswith(".")
    assert REASONS[reason].action.endswith(".")
    assert f"| `{reason}` | {REASONS[reason].meaning} | {REASONS[reason].action} |" in PAGE


@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.__name__)
def test_every_field_of_a_spec_has_its_row(kind: Kind) -> None:
    section = PAGE.partition(f"## {kind.KIND}\n")[2].partition("### status")[0]
    fields = make_schema(kind)["properties"]["spec"]["properties"]

    assert [name for name in fields if f"| `{name}` |" not in section] == []


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    tables = [block.splitlines() for block in PAGE.split("\n\n") if block.startswith("| ")]

    assert tables
    assert [rows[0] for rows in tables if len({row.replace("\\|", "").count("|") for row in rows}) != 1] == []


def test_a_row_says_type_default_bounds_and_meaning() -> None:
    assert "| `port` | integer | `8080` | 1024..65535 | Port of the model server (SageMaker: 8080). |" in PAGE
    assert '| `cpus` | quantity | `"1"` |  | CPU request. |' in PAGE
    assert "| `models` | list of objects, by `name` | **required** | 1..10 items | The production variants. |" in PAGE
