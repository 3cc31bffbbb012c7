"""The resourceVersion that each watch has reached: events and bookmarks advance it.

The API server's resourceVersions of one kind are ordered (KEP-5504), and a
watch delivers them in order.
"""

from mlendpoints.core.world import Ref


class Progress:
    """The latest resourceVersion by kind and namespace."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def advance(self, kind: str, namespace: str, resource_version: str) -> None:
        """A watch has reached this version; after a restore of etcd, a relist may have an earlier one."""
        self._seen[(kind, namespace)] = int(resource_version)

    def forget(self, kind: str, namespace: str) -> None:
        """The kind is no longer watched: its CRD was removed."""
        self._seen.pop((kind, namespace), None)

    def has_seen(self, ref: Ref, version: int) -> bool:
        """Whether the watch that covers ``ref`` has reached ``version``; true if there is no such watch."""
        seen = self._seen.get((ref.kind, ""), self._seen.get((ref.kind, ref.namespace)))
        return seen is None or seen >= version
