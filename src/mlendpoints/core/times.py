"""Kubernetes' times: RFC 3339, UTC."""

from datetime import UTC, datetime


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as Kubernetes writes most of them: whole."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precise_timestamp(seconds: float) -> str:
    """With milliseconds, for times that durations are computed from."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(text: str) -> float:
    """Seconds since the epoch; raises ValueError if it is not an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()
