"""Arguments that have a form of their own. Pure."""

from collections.abc import Iterable

from mlendpoints.cli.errors import UsageError


def assignments(words: Iterable[str]) -> dict[str, int]:
    """Numbers by variant, from ``VARIANT=NUMBER``; raises ``UsageError``.

    >>> assignments(["blue=90", "green=10"])
    {'blue': 90, 'green': 10}
    >>> assignments(["blue"])
    Traceback (most recent call last):
    mlendpoints.cli.errors.UsageError: Write VARIANT=NUMBER, such as blue=50, instead of blue.
    """
    found: dict[str, int] = {}
    for word in words:
        name, _, number = word.partition("=")
        if not name or not number.isdecimal():
            raise UsageError(f"Write VARIANT=NUMBER, such as blue=50, instead of {word}.")
        if name in found:
            raise UsageError(f"{name} is given twice.")
        found[name] = int(number)
    return found


def count(word: str) -> int:
    """A number of pods; raises ``UsageError``."""
    if not word.isdecimal():
        raise UsageError(f"Write a number of pods, instead of {word}.")
    return int(word)
