"""Tables have the columns that kubectl shows, and no text of others breaks them."""

from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.crd import KINDS, make_crd
from mlendpoints.cli.columns import aligned, make_rows
from mlendpoints.core.times import seconds
from tests.kit.builders import BORN, a_config, a_model, an_endpoint, an_mlmodel
from tests.unit.client.objects import a_condition, an_endpoint_with

OBJECTS = (an_endpoint(), a_config(), a_model(), an_mlmodel())


def test_the_columns_of_each_kind_are_those_of_its_crd() -> None:
    assert {type(obj) for obj in OBJECTS} == set(KINDS)
    for obj in OBJECTS:
        columns = make_crd(type(obj))["spec"]["versions"][0]["additionalPrinterColumns"]
        head, row = make_rows([obj], wide=True, namespaces=True, now=seconds(BORN))
        assert sorted(head[2:]) == sorted(column["name"].upper() for column in columns)
        assert len(row) == len(head)


def test_conditions_and_ages_are_shown() -> None:
    endpoint = an_endpoint_with(a_condition("Ready", "True", reason="AsAsked"), url="http://x", traffic="blue=1")
    _, row = make_rows([endpoint], wide=False, namespaces=False, now=seconds(BORN) + 90)
    assert row == ["titanic", "", "True", "AsAsked", "titanic", "http://x", "blue=1", "90s"]


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), min_size=1))
def test_every_row_is_one_printable_line(rows: list[list[str]]) -> None:
    lines = aligned(rows)
    assert len(lines) == len(rows)
    assert all(line.isprintable() for line in lines)
