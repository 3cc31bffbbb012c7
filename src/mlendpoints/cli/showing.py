"""Trees that change: redrawn in place in a terminal, printed again elsewhere."""

import shutil
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from mlendpoints.cli.output import write
from mlendpoints.cli.status import SYMBOLS, Node, tree_lines

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {SYMBOLS["ready"]: "green", SYMBOLS["failed"]: "red", SYMBOLS["waits"]: "yellow", SYMBOLS["off"]: "dim"}
_PLAIN_WIDTH = 120  # of what is piped, unless COLUMNS says otherwise


class Showing(Protocol):
    """Shows a tree, and each later one."""

    def update(self, tree: Node) -> None:
        """Shows the tree as it is now."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def showing() -> Showing:
    """What fits stdout."""
    return InPlace() if sys.stdout.isatty() else Lines()


def show_once(tree: Node) -> None:
    """Prints a tree: with colors in a terminal, unless NO_COLOR is set."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(styled(tree, width()))
    else:
        write(tree_lines(tree, width()))


def width() -> int:
    """Columns of the terminal; of what is piped, as many as COLUMNS says."""
    return shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns


def styled(tree: Node, columns: int) -> "Text":
    """The tree with colored marks."""
    from rich.text import Text

    text = Text("\n".join(tree_lines(tree, columns)), no_wrap=True)
    for symbol, style in _STYLES.items():
        text.highlight_regex(f"(?m)^[│├└─ ]*({symbol})", style)
    return text


class InPlace:
    """Redraws a terminal's lines."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="crop")

    def update(self, tree: Node) -> None:
        """Draws the tree over the last one."""
        self._live.update(styled(tree, self._live.console.width), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


class Lines:
    """Prints the tree again whenever it has changed."""

    def __init__(self) -> None:
        self._last: list[str] = []

    def update(self, tree: Node) -> None:
        """Prints the tree, after an empty line, if it differs from the last one."""
        lines = tree_lines(tree, width())
        if lines != self._last:
            write(["", *lines] if self._last else lines)
        self._last = lines

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return
