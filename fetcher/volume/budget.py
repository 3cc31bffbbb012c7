"""The budget of bytes and entries on the volume.

The cached partial download counts against it, but yields: it may only use what the model
leaves over.
"""

from fetcher.failures import TooLarge
from fetcher.volume.partial import PartialDownload

MARGIN = 32 * 1024 * 1024
"""Left free by the cached partial download: threads write several pieces at a time, and file systems have overhead."""


class Budget:
    """``limit`` bytes for the unpacked artifact plus its cached partial download; and a number of files and folders."""

    def __init__(self, limit: int, limit_entries: int, partial: PartialDownload | None = None) -> None:
        self.limit = limit
        self.used = 0
        self._limit_entries = limit_entries
        self._entries = 0
        self._partial = partial
        self._fixed = False

    def take(self, size: int) -> None:
        """Reserves bytes before they are written; raises ``TooLarge``."""
        self.used += size
        if self.used > self.limit:
            raise TooLarge(f"unpacks to more than the {self.limit} bytes allowed; increase `size`")
        if self._partial and self._partial.alive and not self._has_space(self._partial):
            self._yield(self._partial)

    def enter(self, size: int = 0) -> None:
        """Reserves a file or folder, named by the artifact or implied; raises ``TooLarge``."""
        self._entries += 1
        if self._entries > self._limit_entries:
            raise TooLarge(f"unpacks to more than the {self._limit_entries} files and folders allowed")
        self.take(size)

    def leaves(self, size: int) -> bool:
        """Whether ``size`` more bytes may be cached."""
        return self._fixed or self._partial is None or self._has_space(self._partial, size)

    def _has_space(self, partial: PartialDownload, more: int = 0) -> bool:
        margin = 0 if self._fixed else MARGIN
        return self.used + partial.kept + more + margin <= self.limit

    def need_packed(self) -> None:
        """From now on, the cached download is needed until everything is unpacked."""
        self._fixed = True

    def _yield(self, partial: PartialDownload) -> None:
        if self._fixed:
            raise TooLarge(
                f"needs more than the {self.limit} bytes allowed, packed and unpacked together, as zips do; "
                "increase `size`, or pack it as tar.gz"
            )
        partial.drop()
