"""Bodies of invocations: Python values to bytes with a content type, and back. NumPy and pandas only if installed."""

import sys
from collections.abc import AsyncIterable, Iterable
from io import BytesIO
from typing import Any

import msgspec
from msgspec import Struct

from mlendpoints.client.errors import InvalidError

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
OCTETS = "application/octet-stream"


class Payload(Struct, frozen=True):
    """The body of a request. A stream is sent as it comes."""

    body: bytes | AsyncIterable[bytes]
    content_type: str


class Answer(Struct, frozen=True, kw_only=True):
    """The response to an invocation."""

    content: bytes
    content_type: str = ""
    variant: str = ""  # that has answered

    @property
    def data(self) -> Any:  # noqa: ANN401 - whatever the model answers
        """The content by its type: JSON as Python values, text as str, NumPy arrays if NumPy is installed, else bytes.

        >>> Answer(content=b'{"predictions": [1]}', content_type="application/json").data
        {'predictions': [1]}
        """
        return decode(self.content, self.content_type)


def encode(data: object, content_type: str = "") -> Payload:
    """The body for a value: dict, list and numbers as JSON, str and DataFrame as CSV, arrays as NPY, bytes as they are.

    >>> encode({"instances": [[1, 2]]})
    Payload(body=b'{"instances":[[1,2]]}', content_type='application/json')
    >>> encode("1st,female,adult")
    Payload(body=b'1st,female,adult', content_type='text/csv')
    >>> encode(b"...", "image/png")
    Payload(body=b'...', content_type='image/png')
    """
    match data:
        case bytes() | bytearray() | memoryview():
            return Payload(bytes(data), content_type or OCTETS)
        case str():
            return Payload(data.encode(), content_type or CSV)
        case _ if _is_of("pandas", "DataFrame", data):
            return _frame(data, content_type)
        case _ if _is_of("numpy", "ndarray", data):
            return _array(data, content_type)
        case _:
            stream = _stream(data)
            return _json(data, content_type) if stream is None else Payload(stream, content_type or OCTETS)


def _stream(data: Any) -> AsyncIterable[bytes] | None:  # noqa: ANN401 - asks what it is
    """The pieces of a stream or an open file; None of anything else."""
    if isinstance(data, AsyncIterable):
        return data
    return _pieces(iter(lambda: data.read(1 << 16), b"")) if hasattr(data, "read") else None


def decode(content: bytes, content_type: str) -> Any:  # noqa: ANN401 - whatever the model answers
    """The value of a response's body."""
    media = content_type.partition(";")[0].strip().lower()
    if media == JSON or media.endswith("+json"):
        return _from_json(content)
    if media.startswith("text/"):
        return content.decode(errors="replace")
    if media == NPY and _numpy() is not None:
        return _from_npy(content)
    return content


def _is_of(module: str, name: str, data: object) -> bool:
    """Whether it is of a type of a library that may not be installed: then nobody has imported it."""
    known = getattr(sys.modules.get(module), name, None)
    return isinstance(known, type) and isinstance(data, known)


def _frame(frame: Any, content_type: str) -> Payload:  # noqa: ANN401 - pandas may not be installed
    if content_type == JSON:
        return Payload(frame.to_json(orient="records").encode(), JSON)
    return Payload(frame.to_csv(index=False).encode(), content_type or CSV)


def _array(array: Any, content_type: str) -> Payload:  # noqa: ANN401 - NumPy may not be installed
    if content_type == JSON:
        return _json(array.tolist(), JSON)
    buffer = BytesIO()
    _numpy().save(buffer, array, allow_pickle=False)
    return Payload(buffer.getvalue(), content_type or NPY)


def _json(data: object, content_type: str) -> Payload:
    try:
        return Payload(msgspec.json.encode(data, enc_hook=_plain), content_type or JSON)
    except (TypeError, msgspec.MsgspecError) as error:
        raise InvalidError(f"The data cannot be sent as JSON: {error}. Pass bytes and their content_type.") from None


def _plain(value: Any) -> object:  # noqa: ANN401 - what msgspec does not know, such as NumPy's numbers
    if _is_of("numpy", "generic", value) or _is_of("numpy", "ndarray", value):
        return value.tolist()
    raise TypeError(f"a value of type {type(value).__name__} is in it")


def _from_json(content: bytes) -> Any:  # noqa: ANN401 - whatever the model answers
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidError(f"The model's response is not the JSON that it claims to be: {error}") from None


def _from_npy(content: bytes) -> Any:  # noqa: ANN401 - NumPy may not be installed
    try:
        return _numpy().load(BytesIO(content), allow_pickle=False)  # pickles could run code here
    except (ValueError, OSError, EOFError) as error:
        raise InvalidError(f"The model's response is not the NumPy array that it claims to be: {error}") from None


def _numpy() -> Any:  # noqa: ANN401 - NumPy may not be installed
    try:
        import numpy  # noqa: ICN001, PLC0415 - optional, and slow to import
    except ImportError:
        return None
    return numpy


async def _pieces(source: Iterable[bytes]) -> AsyncIterable[bytes]:
    for piece in source:
        yield piece


def headers_of(content_type: str, accept: str, variant: str, header: str) -> dict[str, str]:
    """The headers of a request."""
    optional = {"Accept": accept, header: variant}
    return {"Content-Type": content_type} | {name: value for name, value in optional.items() if value}
