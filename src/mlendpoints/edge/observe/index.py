"""An index (client-go's Indexer): from an index key to the objects that have it."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from mlendpoints.core.world import Ref

K = TypeVar("K")


class Index(Generic[K]):
    """Objects by key. Most keys have one object, for which a set would be large: it is stored without one."""

    def __init__(self) -> None:
        self._of: dict[K, Ref | set[Ref]] = {}

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[K]:
        return iter(self._of)

    def add(self, key: K, ref: Ref) -> None:
        """Adds an object to a key; adding it again changes nothing."""
        match self._of.setdefault(key, ref):
            case set() as refs:
                refs.add(ref)
            case only if only != ref:
                self._of[key] = {only, ref}

    def discard(self, key: K, ref: Ref) -> None:
        """Removes an object from a key, if it is there."""
        match self._of.get(key):
            case set() as refs:
                refs.discard(ref)
                if not refs:
                    del self._of[key]
            case only if only == ref:
                del self._of[key]

    def of(self, key: K) -> Iterable[Ref]:
        """The objects of a key."""
        match self._of.get(key, ()):
            case Ref() as only:
                return (only,)
            case refs:
                return refs
