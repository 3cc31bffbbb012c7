"""From a mark to the objects that bear it."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from mlendpoints.core.world import Ref

K = TypeVar("K")


class Bearers(Generic[K]):
    """Many bearers for each mark. Most marks have one, for which a set is large: it is kept alone."""

    def __init__(self) -> None:
        self._of: dict[K, Ref | set[Ref]] = {}

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[K]:
        return iter(self._of)

    def add(self, mark: K, ref: Ref) -> None:
        """One more bearer; once is enough."""
        match self._of.setdefault(mark, ref):
            case set() as bearers:
                bearers.add(ref)
            case only if only != ref:
                self._of[mark] = {only, ref}

    def discard(self, mark: K, ref: Ref) -> None:
        """One bearer less; nothing where it bears no such mark."""
        match self._of.get(mark):
            case set() as bearers:
                bearers.discard(ref)
                if not bearers:
                    del self._of[mark]
            case only if only == ref:
                del self._of[mark]

    def of(self, mark: K) -> Iterable[Ref]:
        """The bearers of a mark."""
        match self._of.get(mark, ()):
            case Ref() as only:
                return (only,)
            case bearers:
                return bearers
