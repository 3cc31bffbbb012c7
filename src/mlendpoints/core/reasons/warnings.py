"""Warning events of pods and Deployments: which one counts."""

from collections.abc import Iterable

from mlendpoints.core.world import WarningEvent


def newest(warnings: Iterable[WarningEvent]) -> WarningEvent | None:
    """The newest of them; a later event replaces what an earlier one said."""
    return max(warnings, key=lambda warning: warning.at, default=None)
