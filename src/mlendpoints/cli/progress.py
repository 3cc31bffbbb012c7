"""Progress: one line on stderr for whatever takes more than a second."""

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TextIO

PATIENCE = 1.0  # seconds before anything is shown, and between two updates of a terminal's line
_NEW_LINE = "\r\x1b[2K"  # the cursor to the beginning of the line, which is cleared


def progress_line(text: str, seconds: float, width: int) -> str:
    """What a terminal of this width shows.

    >>> progress_line("blue: 0 of 2 pods are ready.", 12.3, 20)
    '12 s  blue: 0 of 2 …'
    """
    line = f"{int(seconds)} s  {text}"
    return line if len(line) <= width else f"{line[: width - 1]}…"


class Progress:
    """What is being waited for: a line that changes in a terminal, further lines elsewhere."""

    def __init__(self, doing: str = "", stream: TextIO | None = None) -> None:
        """``doing`` is shown in terminals only, until there is something to tell."""
        self._stream = stream or sys.stderr
        self._text = self._told = doing
        self._drawn = False
        self._changed = asyncio.Event()
        self._showing: asyncio.Future[None] = asyncio.Future(loop=asyncio.get_running_loop())

    def tell(self, text: str) -> None:
        """What is being waited for now."""
        self._text = text
        self._changed.set()

    def end(self) -> None:
        """Shows nothing any more, and clears a terminal's line."""
        self._showing.cancel()
        if self._drawn:
            self._write(_NEW_LINE)
        self._drawn = False

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Shows it while the body runs."""
        self._showing = asyncio.create_task(self._show())
        try:
            yield
        finally:
            self.end()
            with suppress(asyncio.CancelledError):
                await self._showing

    async def _show(self) -> None:
        began = time.monotonic()
        await asyncio.sleep(PATIENCE)
        while True:
            self._changed.clear()
            self._draw(time.monotonic() - began)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), PATIENCE if self._stream.isatty() else None)

    def _draw(self, seconds: float) -> None:
        if self._stream.isatty():
            width = shutil.get_terminal_size().columns
            self._write(f"{_NEW_LINE}{progress_line(self._text, seconds, width)}")
            self._drawn = True
        elif self._text != self._told:
            self._write(f"{self._text}\n")
        self._told = self._text

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
