"""Text of strangers in messages of ours: what a container, a kubelet or the API server said.

A tenant decides much of it. It must not end a line, reverse its direction, move a terminal's cursor or fill a status.
"""

from typing import Final

QUOTED: Final = 400  # characters


def quoted(text: str, *, longest: int = QUOTED) -> str:
    """Its beginning as part of a sentence, which goes on after it."""
    words = one_line(text[: 4 * longest])
    return words if len(words) <= longest else f"{words[: longest - 3]}..."


def quoted_end(text: str, *, longest: int = QUOTED) -> str:
    """Its end: of a log, the last lines tell most."""
    words = one_line(text[-4 * longest :])
    return words if len(words) <= longest else f"...{words[3 - longest :]}"


def one_line(text: str) -> str:
    """The same in one line, with spaces for what cannot be printed: controls, bidi overrides, separators."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
