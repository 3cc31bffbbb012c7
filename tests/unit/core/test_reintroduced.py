"""Faults that can be put back in still have their place (``python -m tests.reintroduced`` shows that they are seen)."""

import pytest

from tests.reintroduced import FAULTS, ROOT, with_fault


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_still_has_its_place(name: str) -> None:
    fault = FAULTS[name]
    source = (ROOT / fault.file).read_text()
    assert with_fault(source, fault) != source
