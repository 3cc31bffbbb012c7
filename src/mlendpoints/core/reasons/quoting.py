"""Quoting: untrusted text in our messages, from containers, kubelets and the API server.

Tenants control much of it. It must not break a line, reverse its direction, move a terminal's cursor or fill a status.
"""

from typing import Final

QUOTED: Final = 400  # characters


def quoted(text: str, *, longest: int = QUOTED) -> str:
    """The beginning of a text, as part of a sentence that continues after it."""
    words = one_line(text[: 4 * longest])
    return words if len(words) <= longest else f"{words[: longest - 3]}..."


def quoted_end(text: str, *, longest: int = QUOTED) -> str:
    """The end of a text: the last lines of a log say most."""
    words = one_line(text[-4 * longest :])
    return words if len(words) <= longest else f"...{words[3 - longest :]}"


def one_line(text: str) -> str:
    """A text in one line, with spaces for what cannot be printed: controls, bidi overrides, separators."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
