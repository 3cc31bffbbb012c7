"""Bodies of invocations: values to bytes and back, with NumPy and pandas only where they are used."""

import asyncio
import io
from collections.abc import AsyncIterable
from typing import Any

import numpy as np
import pytest

from mlendpoints.client import Answer, InvalidError
from mlendpoints.client.payloads import NPY, Payload, encode


async def sent(payload: Payload) -> bytes:
    assert isinstance(payload.body, AsyncIterable)
    return b"".join([piece async for piece in payload.body])


def test_an_array_goes_there_and_back() -> None:
    array = np.arange(6.0).reshape(2, 3)
    payload = encode(array)
    assert isinstance(payload.body, bytes)
    back = Answer(content=payload.body, content_type=payload.content_type).data
    assert (back == array).all()


def test_an_array_can_be_sent_as_json() -> None:
    assert encode(np.array([1, 2]), "application/json").body == b"[1,2]"
    assert encode({"x": np.float64(0.5), "y": np.array([1])}).body == b'{"x":0.5,"y":[1]}'


def test_an_open_file_is_sent_in_pieces() -> None:
    payload = encode(io.BytesIO(b"x" * 100_000), "image/png")
    assert payload.content_type == "image/png"
    assert len(asyncio.run(sent(payload))) == 100_000


def test_what_cannot_be_sent_as_json_is_rejected() -> None:
    with pytest.raises(InvalidError, match="a value of type object is in it"):
        encode({"x": object()})


@pytest.mark.parametrize(
    ("content", "media", "data"),
    [
        (b"[1]", "application/json; charset=utf-8", [1]),
        (b'{"a":1}', "application/problem+json", {"a": 1}),
        (b"a,b\n", "text/csv", "a,b\n"),
        (b"\xff", "text/plain", "�"),
        (b"\x00", "", b"\x00"),
        (b"\x00", "image/png", b"\x00"),
    ],
)
def test_an_answer_is_decoded_by_its_type(content: bytes, media: str, data: object) -> None:
    assert Answer(content=content, content_type=media).data == data


@pytest.mark.parametrize(
    ("content", "media"), [(b"{", "application/json"), (b"[" * 100_000, "application/json"), (b"x", NPY)]
)
def test_an_answer_that_is_not_what_it_claims_is_an_error(content: bytes, media: str) -> None:
    with pytest.raises(InvalidError, match="claims to be"):
        _ = Answer(content=content, content_type=media).data


def test_a_pickle_in_an_array_is_not_loaded() -> None:
    buffer = io.BytesIO()
    objects: Any = np.array([{"a": 1}], dtype=object)
    np.save(buffer, objects, allow_pickle=True)
    with pytest.raises(InvalidError):
        _ = Answer(content=buffer.getvalue(), content_type=NPY).data
