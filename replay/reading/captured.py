"""A line of captured traffic -> an exchange. No I/O.

The format is that of SageMaker's data capture, with what it lacks below ``mlendpoints``.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from replay.exchange import Exchange, Headers, Origin, Request, Response, Skipped, Unusable, lowered

Label = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{0,63}$")]
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_DAYS = 36500


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    data: str
    encoding: Literal["JSON", "CSV", "BASE64"]
    observed_content_type: str = ""


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    endpoint_input: _Body | None = None
    endpoint_output: _Body | None = None


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    event_id: Annotated[str, msgspec.Meta(max_length=256)]
    inference_time: datetime


class _Ours(msgspec.Struct, frozen=True, rename="camel"):
    method: str
    path: str
    status: Annotated[int, msgspec.Meta(ge=100, le=999)]
    request_headers: Mapping[str, str]
    response_headers: Mapping[str, str] = {}
    variant: Label = ""
    instance: Label = ""
    start_time: datetime | None = None
    request_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e6)] | None = None


class _Line(msgspec.Struct, frozen=True, rename="camel"):
    capture_data: _Data
    event_metadata: _Event
    mlendpoints: _Ours


_DECODER = msgspec.json.Decoder(_Line)


def read_line(line: bytes) -> Exchange:
    """Raises ``Unusable``."""
    try:
        read = _DECODER.decode(line)
        moment = _nanoseconds(read.mlendpoints.start_time or read.event_metadata.inference_time)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise Unusable(Skipped.MALFORMED) from error
    if read.capture_data.endpoint_input is None:
        raise Unusable(Skipped.NO_INPUT)
    ours = read.mlendpoints
    headers = tuple(ours.request_headers.items())
    return Exchange(
        name=read.event_metadata.event_id,
        nanoseconds=moment,
        request=Request(ours.method, ours.path, headers, _decoded(read.capture_data.endpoint_input)),
        response=_response(ours, read.capture_data.endpoint_output),
        seconds=ours.request_seconds,
        origin=Origin(ours.variant, ours.instance, _host(headers)),
    )


def _nanoseconds(moment: datetime) -> int:
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
    if not 0 <= since.days <= LONGEST_DAYS:
        raise ValueError("the time is not within a century")
    return since // MICROSECOND * 1000


def _host(headers: Headers) -> str:
    return lowered(headers).get("host", "")


def _response(ours: _Ours, output: _Body | None) -> Response:
    headers = lowered(tuple(ours.response_headers.items()))
    observed = output.observed_content_type if output else ""
    return Response(
        status=ours.status,
        content_type=observed or headers.get("content-type", ""),
        body=_decoded(output) if output else None,
        encoding=headers.get("content-encoding", ""),
    )


def _decoded(body: _Body) -> bytes:
    try:
        if body.encoding == "BASE64":
            return base64.b64decode(body.data, validate=True)
        return body.data.encode()
    except (binascii.Error, ValueError) as error:
        raise Unusable(Skipped.INVALID_BODY) from error
