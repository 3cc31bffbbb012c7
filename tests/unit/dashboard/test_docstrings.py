"""The examples in the docstrings."""

import doctest

from mlendpoints.dashboard import figures


def test_examples_are_right() -> None:
    result = doctest.testmod(figures)
    assert result.attempted
    assert not result.failed
