"""A Secret is sent to the one server it is meant for, and no part of it is shown to anybody."""

import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.__main__ import main
from fetcher.artifact import PIECE
from outbound.credentials import Secret
from outbound.dial import target
from tests.unit.fetcher.origin import Answer, Origin, part_of, serving
from tests.unit.fetcher.running import Place

CONTENT = random.Random(3).randbytes(3 * PIECE + 5)  # noqa: S311 - the same bytes each time
SECRET = "t0psecret"
KEYS = [{"token": SECRET}, {"username": "robot", "password": SECRET}]


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Origin]]:
    """The intended origin, and two others."""
    with serving() as origin, serving() as second, serving() as third:
        yield [origin, second, third]


def lead(servers: list[Origin], chain: list[int], size: int, expires_after: int) -> None:
    """Has requests for ``/0`` pass along the chain; one in so many is rejected by the last server."""
    given_out = [0]

    def reply(request: Mapping[str, str]) -> Answer:
        hop = int(request["path"].strip("/"))
        if hop < len(chain):
            return Answer(status=302, headers={"Location": f"{servers[chain[hop]].url}/{hop + 1}"})
        given_out[0] += 1
        if given_out[0] % expires_after == 0:
            return Answer(status=403)
        return part_of(CONTENT[:size], request["range"])

    for server in servers:
        server.requests.clear()
        server.reply = reply


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 2]), max_size=5),
    st.integers(1, len(CONTENT)),
    st.sampled_from(KEYS),
    st.sampled_from([3, 1000]),
)
def test_no_server_but_the_intended_one_sees_the_secret_whatever_the_redirects_and_pieces(
    servers: list[Origin], chain: list[int], size: int, keys: Mapping[str, str], expires_after: int
) -> None:
    lead(servers, chain, size, expires_after)
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch))
        more = ["--credentials", str(place.secret(keys)), "--streams", "2"]
        main(place.arguments(f"{servers[0].url}/0", *more))
    assert servers[0].requests[0]["authorization"].startswith(("Bearer", "Basic"))
    assert {request.get("authorization") for server in servers[1:] for request in server.requests} <= {None}


def test_every_piece_is_fetched_from_where_the_redirect_led(servers: list[Origin], place: Place) -> None:
    lead(servers, [1], len(CONTENT), 1000)
    folder = place.secret({"token": SECRET})
    assert main(place.arguments(f"{servers[0].url}/0", "--credentials", str(folder))) == 0
    assert (len(servers[0].requests), len(servers[1].requests)) == (1, 4)
    assert (place.model / "0").read_bytes() == CONTENT


def test_a_refusal_by_another_server_says_that_the_secret_is_not_sent_there(place: Place) -> None:
    with serving(Answer(status=401)) as other, serving(Answer()) as origin:
        origin.answers[:] = [Answer(status=302, headers={"Location": f"{other.url}/elsewhere"})]
        folder = place.secret({"token": SECRET})
        assert place.run(origin, "--credentials", str(folder)) == 10
    assert "the artifactSecret is sent only to" in place.said()["message"]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"TOKEN": SECRET, "api-key": SECRET}, "TOKEN, api-key"),
        ({"password": SECRET, "ca.crt": ""}, "ca.crt, password"),
        ({}, "none"),
        (
            {f"key-{n}": SECRET for n in range(300)},
            "key-0, key-1, key-10, key-100, key-101, key-102, key-103, key-104, ...",
        ),
    ],
)
def test_a_secret_without_a_key_that_is_sent_is_told_with_the_names_of_its_keys(
    status: int, keys: Mapping[str, str], found: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Answer(status=status)) as origin:
        assert place.run(origin, "--credentials", str(place.secret(keys))) == 10
    message = place.said()["message"]
    assert f"has none of the supported keys: token, or username and password (found: {found})" in message
    assert "set the model's artifactSecret" not in message
    output = capsys.readouterr()
    assert SECRET not in output.out + output.err + message


@pytest.mark.parametrize(
    ("scheme", "first"),
    [("s3", "AWS_ACCESS_KEY_ID"), ("gs", "GOOGLE_BASE_URL"), ("az", "AZURE_STORAGE_ACCESS_KEY")],
)
def test_a_secret_without_a_key_of_the_store_is_told_with_the_names_of_its_keys(
    scheme: str, first: str, place: Place
) -> None:
    folder = place.secret({"TOKEN": SECRET})
    assert main([*place.arguments(f"{scheme}://models/m.tar"), "--credentials", str(folder)]) == 10
    said = place.said()["message"]
    assert f"the artifactSecret has no key for {scheme} (found: TOKEN); supported: {first}, " in said


@pytest.mark.parametrize(
    "value", ["t0psecret\nmore", "t0psecret\r\nX-Evil: 1", "t0psecret€", "t0psecret\0", "t0psecret\x7f"]
)
def test_a_token_that_no_header_can_carry_is_rejected_without_showing_it(
    value: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Answer(b"content")) as origin:
        folder = place.secret({"token": value})
        assert place.run(origin, "--credentials", str(folder)) == 10
    assert origin.requests == []
    output = capsys.readouterr()
    said = output.out + output.err + place.termination_log.read_text()
    assert "`token` in the artifactSecret" in said
    assert "psecret" not in said
    assert "€" not in said


@pytest.mark.parametrize(
    "url",
    [
        f"https://robot:{SECRET}/more@models.example.com/model",
        f"https://robot:12{SECRET}@[models/model",
        f"https://robot:{SECRET}#@models.example.com/model",
        f"https://robot:{SECRET}?@models.example.com/model",
    ],
)
def test_a_url_whose_password_breaks_it_is_not_shown(
    url: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*place.arguments(url), "--attempts", "1"]) == 10
    output = capsys.readouterr()
    assert SECRET not in output.out + output.err + place.termination_log.read_text()


def test_the_secret_is_not_part_of_what_python_shows_of_it() -> None:
    secret = Secret(target("https://models.example.com/").origin, {"Authorization": f"Bearer {SECRET}"})
    assert SECRET not in repr(secret)
