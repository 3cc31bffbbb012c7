"""Wording that several messages share."""


def counted(number: int, noun: str) -> str:
    """A number and its noun: ``1 pod``, ``2 pods``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
