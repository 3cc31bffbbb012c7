"""How far the watches have come.

The API server's resourceVersions of one kind are ordered (KEP-5504), and a
watch brings them in order.
"""

from mlendpoints.core.world import Ref


class Progress:
    """How far the watches have come, by kind and namespace."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def advance(self, kind: str, namespace: str, resource_version: str) -> None:
        """A watch stands at this version now; a new list may stand earlier after a restore."""
        self._seen[(kind, namespace)] = int(resource_version)

    def forget(self, kind: str, namespace: str) -> None:
        """Nobody watches it any more: its kind is gone."""
        self._seen.pop((kind, namespace), None)

    def has_seen(self, ref: Ref, version: int) -> bool:
        """Whether the watch that covers ``ref`` stands at ``version``; true for what nobody watches."""
        seen = self._seen.get((ref.kind, ""), self._seen.get((ref.kind, ref.namespace)))
        return seen is None or seen >= version
