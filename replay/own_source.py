"""Whether a target is the one that responded when a record was captured.

A pod's proxy names its version's instance at the ping path; a gateway passes a ping to an
instance that is in service. So both tell, before anything is sent, who would respond.
"""

import http.client
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from replay.exchange import Origin
from replay.failures import ReplayFailed

PING = "/.well-known/mlendpoints/ping"
SECONDS = 10.0
LARGEST = 1024
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MOST = 1000
"""Instances in one replay that are looked for."""


@dataclass(frozen=True)
class Target:
    """Where requests are sent, the Host that they name, and the variant if one is forced."""

    url: str
    host: str
    variant: str = ""


def own_source(target: Target) -> Callable[[Origin], bool]:
    """A function that tells whether requests to the target may reach the origin's own pods; asks once for each."""
    direct = _ping(target, PING)
    known = {direct} if NAME.fullmatch(direct) else set()

    @cache
    def is_in_service(instance: str) -> bool:
        if is_in_service.cache_info().misses > MOST:
            raise ReplayFailed(f"the records are of more than {MOST} versions; replay fewer at once")
        return _ping(target, f"{PING}/{instance}") == instance

    def is_own(origin: Origin) -> bool:
        same_variant = not target.variant or target.variant == origin.variant
        if not NAME.fullmatch(origin.instance):
            return bool(origin.host) and origin.host.lower() == target.host.lower() and same_variant
        if known:
            return origin.instance in known
        return same_variant and is_in_service(origin.instance)

    return is_own


def _ping(target: Target, path: str) -> str:
    """The response's text if its status is 200; raises ``ReplayFailed`` if the target cannot be reached."""
    parts = urlsplit(target.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Host": target.host})
        response = connection.getresponse()
        body = response.read(LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise ReplayFailed(f"the target {target.url} cannot be reached: {error}") from error
    finally:
        connection.close()
    return body.decode("latin-1").strip() if response.status == http.client.OK else ""
