"""Rejections by a ResourceQuota: apart from others, since the API client needs these alone, and no manifests."""

import re

_QUOTA = re.compile(r"\b(?:exceeded|failed) quota: ")


def is_quota(message: str) -> bool:
    """Whether a ResourceQuota rejects it: it is exhausted, or it counts what is not specified."""
    return _QUOTA.search(message) is not None
