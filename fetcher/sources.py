"""Which kind of source an artifact's URL names, and how to open it."""

from importlib import import_module

from fetcher.artifact import Opened
from fetcher.network.urls import Address, open_url
from fetcher.network.web import Web
from fetcher.settings import Settings
from fetcher.volume.partial import first_request_size
from fetcher.volume.pvc import open_pvc
from outbound.credentials import Credentials, Secret
from outbound.dial import Line, target
from outbound.failures import RequestFailed
from outbound.guard import Guard

SCHEMES = "http, https, s3, gs, az and pvc"


def web_for(settings: Settings, credentials: Credentials) -> Web:
    """Connections as the settings allow them."""
    guard = Guard(settings.allowed_addresses)
    return Web(Line(guard, settings.connect_seconds, settings.read_seconds, credentials.ca_file))


def open_store(web: Web, settings: Settings, credentials: Credentials) -> Opened:
    """Imports the stores' library only if needed: it takes memory and time."""
    return import_module("fetcher.network.stores").open_store(web, settings, credentials)  # type: ignore[no-any-return]


def open_source(web: Web, settings: Settings, credentials: Credentials) -> Opened:
    """Raises ``RequestFailed``, or ``Interrupted`` if a retry may succeed."""
    match settings.artifact.partition("://")[0]:
        case "http" | "https":
            secret = Secret(target(settings.artifact).origin, credentials.headers, credentials.found)
            return open_url(web, Address(lambda: settings.artifact, secret), first_request_size(settings.volume))
        case "s3" | "gs" | "az":
            return open_store(web, settings, credentials)
        case "pvc":
            return open_pvc(settings)
        case _:
            raise RequestFailed(f"only {SCHEMES} URLs are supported")
