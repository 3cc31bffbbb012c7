"""A request and its response -> a record, as nginx writes it (images/nginx/record.js), or why there is none. No I/O."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from recorder import redact
from recorder.messages import Pair
from recorder.settings import Settings
from replay.gor.http import Headers, Message, Unreadable, read_request, read_response

REQUEST_ID = "x-request-id"
HEADERS = 16 * 1024  # characters of names and values; what is beyond is left out
JSON_TYPE = re.compile(r"application/(json|([a-z0-9.-]+\+)?json|x-ndjson|ndjson|jsonlines|jsonl|json-seq)")
LINES_TYPE = re.compile(r"(ndjson|jsonlines|jsonl)$")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
INFERENCE_ID = re.compile(r"[\x21-\x7e]{1,64}")
TRACE = re.compile(r"[\x21-\x7e]{1,256}")


class Dropped(Exception):  # noqa: N818 - no error: counted by its reason
    """There is no record, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def make(pair: Pair, settings: Settings) -> dict[str, Any] | None:
    """The record without its place in the spool; None for what no caller sent. Raises ``Dropped``."""
    try:
        request = read_request(pair.request.message) if pair.request else None
    except Unreadable as error:
        raise Dropped("unreadable") from error
    if request is not None and not TRACE.fullmatch(request.header(REQUEST_ID)):
        return None  # a probe
    if request is None or pair.request is None or pair.response is None:
        raise Dropped("unpaired")
    try:
        response = read_response(pair.response.message, request.method)
    except Unreadable as error:
        raise Dropped("unreadable") from error
    started = pair.request.nanoseconds / 1e9
    seconds = max(0.0, (pair.response.nanoseconds + pair.response.duration) / 1e9 - started)
    return _record(request, response, (started, seconds), settings)


def _record(request: Message, response: Message, times: tuple[float, float], settings: Settings) -> dict[str, Any]:
    data = _data(request, response, settings)
    began = datetime.fromtimestamp(times[0], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    given = request.header("x-amzn-sagemaker-inference-id") or request.header("inference-id")
    inference = {"inferenceId": given} if INFERENCE_ID.fullmatch(given) else {}
    return {
        "captureData": data,
        "eventMetadata": {"eventId": request.header(REQUEST_ID), "inferenceTime": f"{began[:19]}Z", **inference},
        "eventVersion": "0",
        "mlendpoints": {
            **msgspec.structs.asdict(settings.names),
            "method": request.method,
            "path": request.target.partition("?")[0],
            "startTime": began,
            "status": response.status,
            "requestSeconds": round(times[1], 3),
            "modelSeconds": round(times[1], 3),
            "requestHeaders": _headers(request.headers, settings),
            "responseHeaders": _headers(response.headers, settings),
        },
    }


def _data(request: Message, response: Message, settings: Settings) -> dict[str, Any]:
    sides = (("Input", request, settings.input), ("Output", response, settings.output))
    listed = [(name, message) for name, message, wanted in sides if wanted and _is_listed(message, settings)]
    if not listed:
        raise Dropped("content_type")
    if any(len(message.body) > settings.max_bytes for _, message in listed):
        raise Dropped("too_large")
    return {f"endpoint{name}": _body(name.upper(), message, settings) for name, message in listed}


def _media_type(message: Message) -> str:
    return message.header("content-type").partition(";")[0].strip().lower()[:256]


def _is_listed(message: Message, settings: Settings) -> bool:
    kind = _media_type(message)
    return not settings.content_types or bool({kind, f"{kind.partition('/')[0]}/*"} & {*settings.content_types})


def _body(mode: str, message: Message, settings: Settings) -> Mapping[str, str]:
    kind, content = _media_type(message), message.body
    text = _decoded(content)
    if settings.paths and content:
        text = None if text is None else redact.body(text, settings.paths, is_lines=bool(LINES_TYPE.search(kind)))
        if text is None:
            raise Dropped("unredactable")
        content = text.encode()
    encoding = "BASE64" if text is None or CONTROL.search(text) else _encoding(kind)
    data = base64.b64encode(content).decode() if encoding == "BASE64" or text is None else text
    return {"observedContentType": kind, "mode": mode, "data": data, "encoding": encoding}


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _encoding(kind: str) -> str:
    return "JSON" if JSON_TYPE.fullmatch(kind) else "CSV" if kind == "text/csv" else "BASE64"


def _headers(headers: Headers, settings: Settings) -> dict[str, str]:
    found: dict[str, str] = {}
    room = HEADERS
    for raw, value in headers:
        name = raw.lower()
        shown = redact.header(name, value, settings.headers)
        room -= len(name) + len(shown)
        if room >= 0:
            found[name] = f"{found[name]}, {shown}" if name in found else shown
    return found
