from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.core.quantities import canonical_quantity, exact, whole_units

SUFFIXES = {"": Fraction(1), "m": Fraction(1, 1000)}
SUFFIXES |= {suffix: Fraction(1000**power) for power, suffix in enumerate(["k", "M", "G", "T"], start=1)}
SUFFIXES |= {suffix: Fraction(1024**power) for power, suffix in enumerate(["Ki", "Mi", "Gi", "Ti"], start=1)}

quantities = st.tuples(
    st.integers(0, 10**6), st.sampled_from(["", ".5", ".25", ".125"]), st.sampled_from(sorted(SUFFIXES))
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1", "1"),
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("01", "1"),
        ("0", "0"),
        ("0Gi", "0"),
        ("1024Mi", "1Gi"),
        ("1000Mi", "1000Mi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1024", "1024"),
        ("2000", "2k"),
        ("1000k", "1M"),
        ("1000G", "1T"),
        ("1000T", "1P"),
        ("1024Ti", "1Pi"),
        ("0.0001Ki", "103m"),
        ("437.5Ki", "448k"),
    ],
)
def test_a_quantity_is_written_as_the_api_server_stores_it(written: str, stored: str) -> None:
    assert stored == canonical_quantity(written)


@given(quantities)
def test_the_canonical_form_is_its_own_canonical_form(quantity: tuple[int, str, str]) -> None:
    once = canonical_quantity("{}{}{}".format(*quantity))
    assert once == canonical_quantity(once)


@given(quantities)
def test_the_canonical_form_has_the_same_value(quantity: tuple[int, str, str]) -> None:
    number, fraction, suffix = quantity
    value = (number + Fraction(fraction or 0)) * SUFFIXES[suffix]
    assert -(-value.numerator // value.denominator) == whole_units(canonical_quantity(f"{number}{fraction}{suffix}"))


@pytest.mark.parametrize("text", ["", "x", "1x", "-1", "1 Gi", "Gi", "1gi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        canonical_quantity(text)


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ("1e3", 1000),
        ("+2E-1", Fraction(1, 5)),
        ("250n", Fraction(1, 4_000_000)),
        ("5u", Fraction(1, 200_000)),
        ("1Ei", 2**60),
    ],
)
def test_every_form_that_others_may_have_stored_is_read(stored: str, value: Fraction) -> None:
    assert exact(stored) == value


@pytest.mark.parametrize("text", ["1e999", "e3", "", "1x", "1e+"])
def test_what_is_no_quantity_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        exact(text)
