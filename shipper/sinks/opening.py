"""Which kind of sink a URL names, and how to open it."""

from importlib import import_module

from outbound.credentials import read_credentials
from outbound.dial import Line
from outbound.guard import Guard
from shipper.failures import Undelivered
from shipper.settings import Settings
from shipper.sinks.claim import ClaimSink
from shipper.sinks.content import Sink
from shipper.sinks.web import WebSink


def open_sink(settings: Settings) -> Sink:
    """Reads the Secret, which may have changed since the last failure; raises what ``undelivered`` translates."""
    match settings.sink.partition("://")[0]:
        case "pvc":
            return ClaimSink(settings.sink, settings.claim)
        case "http" | "https" | "s3" | "gs" | "az" as scheme:
            return _over_network(scheme, settings)
        case _:
            raise Undelivered("invalid")


def _over_network(scheme: str, settings: Settings) -> Sink:
    """Imports the stores' library only if needed: it takes memory and time."""
    credentials = read_credentials(settings.credentials)
    line = Line(
        Guard(settings.allowed_addresses), settings.connect_seconds, settings.request_seconds, credentials.ca_file
    )
    if scheme in {"http", "https"}:
        return WebSink(settings.sink, line, credentials.headers)
    sink: Sink = import_module("shipper.sinks.store").StoreSink(settings.sink, line, credentials)
    return sink
