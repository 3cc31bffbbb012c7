"""``capture``: which requests and responses are recorded, and where to; modeled on SageMaker's DataCaptureConfig."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from mlendpoints.api import patterns
from mlendpoints.api.meta import Value

MAX_BYTES: Final = 4 << 20  # of a body: a record of two has to fit in a file of the spool
MAX_REDACTED_BYTES: Final = 64 << 10  # of a body that is parsed: nginx' one worker does nothing else meanwhile
MAX_PACKETS_BYTES: Final = 64 << 10  # of a body that is put together from packets: its socket's buffer is small
Side = Literal["Input", "Output"]
Engine = Literal["nginx", "gor"]
HeaderName = Annotated[str, Meta(pattern=patterns.HEADER, max_length=128)]
JsonPath = Annotated[str, Meta(pattern=patterns.JSON_PATH, max_length=256)]
MediaType = Annotated[str, Meta(pattern=patterns.MEDIA_TYPE, max_length=128)]


class Redaction(Value, frozen=True, kw_only=True):
    """What is replaced by `[REDACTED]` before a record is written."""

    headers: Annotated[
        tuple[HeaderName, ...],
        Meta(
            description="Further headers, of requests and responses, in lower case. Those that carry credentials "
            "(Authorization, Cookie, Set-Cookie, API keys and tokens) or callers' addresses always are.",
            max_length=32,
        ),
    ] = ()
    json_paths: Annotated[
        tuple[JsonPath, ...],
        Meta(
            description="Values in JSON bodies, such as $.user.email or $.items[*].name. With any, bodies that "
            "are not JSON are not captured, and maxBytes is at most 65536.",
            max_length=32,
        ),
    ] = ()


class Capture(Value, frozen=True, kw_only=True):
    """Which requests and responses are recorded, and where to."""

    enabled: Annotated[
        bool, Meta(description="false turns it off, in a variant also where the config turns it on.")
    ] = True
    engine: Annotated[
        Engine,
        Meta(
            description="What captures: the proxy itself, which misses nothing; or gor, from the packets between proxy "
            "and model, which needs the capability NET_RAW and a namespace with the label "
            "pod-security.kubernetes.io/enforce: privileged, and maxBytes of at most 65536."
        ),
    ] = "nginx"
    sink: Annotated[
        str,
        Meta(
            description="URL of a folder that records are shipped to: s3://, gs://, az://, http(s):// or "
            "pvc://claim/path. Required where it is enabled.",
            pattern=patterns.SINK,
            max_length=2048,
        ),
    ] = ""
    sink_secret: Annotated[
        str,
        Meta(
            description="Secret with which records are shipped, mounted in the shipper only, with the same keys as "
            "artifactSecret.",
            pattern=patterns.SUBDOMAIN,
            max_length=253,
        ),
    ] = ""
    percentage: Annotated[
        float, Meta(description="Percentage of the requests that are captured, at random.", ge=0, le=100)
    ] = 100.0
    capture: Annotated[
        tuple[Side, ...], Meta(description="What is captured of a request.", min_length=1, max_length=2)
    ] = ("Input", "Output")
    content_types: Annotated[
        tuple[MediaType, ...],
        Meta(
            description="Media types of the bodies that are captured, such as application/json or image/*; "
            "empty: all. JSON and CSV are recorded as text, others in base64.",
            max_length=32,
        ),
    ] = ()
    max_bytes: Annotated[
        int,
        Meta(description="Largest body that is captured; requests with a larger one are not.", ge=1, le=MAX_BYTES),
    ] = 64 << 10
    redact: Annotated[Redaction, Meta(description="What is replaced before a record is written.")] = Redaction()
