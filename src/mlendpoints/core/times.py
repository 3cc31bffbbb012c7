"""Kubernetes' times: RFC 3339, UTC, whole seconds."""

from datetime import UTC, datetime


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as Kubernetes writes them."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    """Seconds since the epoch; raises ValueError for anything that is no RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()
