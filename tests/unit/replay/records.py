"""Lines as they are captured."""

import base64
import json
from collections.abc import Mapping
from typing import Any


def side(body: bytes, content_type: str = "application/json", encoding: str = "BASE64") -> dict[str, str]:
    """A captured body."""
    data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
    return {"observedContentType": content_type, "mode": "INPUT", "data": data, "encoding": encoding}


def captured(
    request: bytes | None = b"{}",
    response: bytes | None = b"{}",
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
    **ours: Any,  # noqa: ANN401 - JSON
) -> bytes:
    """A line without its newline; ``ours`` replaces facts below ``mlendpoints``."""
    data: dict[str, Any] = {}
    if request is not None:
        data["endpointInput"] = side(request)
    if response is not None:
        data["endpointOutput"] = side(response, content_type)
    facts = {
        "endpoint": "titanic",
        "variant": "blue",
        "model": "titanic-rfc",
        "version": "abc",
        "instance": "titanic-blue-abc",
        "boot": "1",
        "sequence": 1,
        "method": "POST",
        "path": "/invocations",
        "status": 200,
        "requestSeconds": 0.25,
        "modelSeconds": 0.2,
        "requestHeaders": {"content-type": "application/json", "host": "titanic.example.com"} | dict(headers or {}),
        "responseHeaders": {},
    }
    return json.dumps(
        {
            "captureData": data,
            "eventMetadata": {"eventId": "event-1", "inferenceTime": "2026-11-26T10:20:33Z"},
            "eventVersion": "0",
            "mlendpoints": facts | ours,
        }
    ).encode()
