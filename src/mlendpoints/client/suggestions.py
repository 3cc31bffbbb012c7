"""Names like one that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 3


def nearest(name: str, existing: Iterable[str]) -> tuple[str, ...]:
    """The existing names that are most like this one, the most similar first.

    >>> nearest("titanc", ["titanic", "titanic-2", "iris"])
    ('titanic', 'titanic-2')
    """
    return tuple(get_close_matches(name, sorted(set(existing)), n=_MOST))


def suggestion(names: Iterable[str]) -> str:
    """A question for the end of a message; empty without names.

    >>> suggestion(["titanic", "titanic-2"])
    ' Did you mean titanic or titanic-2?'
    """
    known = list(names)
    return f" Did you mean {' or '.join(known)}?" if known else ""
