"""Nothing waits for the API of an optional kind: whatever it answers, its write is rejected, and retried later."""

import asyncio

import pytest

from mlendpoints.core.plan import Create
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.errors import ApiError, NotFoundError, RejectedError, TooManyRequestsError, UnavailableError
from mlendpoints.edge.reconcile.writes import Writer
from tests.edge.scripted import Exchange, Script, played


def answering(kind: str, code: int, *, leads: bool = True) -> ApiError | None:
    """What a write of a kind ends with if the API server has this answer."""

    async def step(exchange: Exchange) -> None:
        await exchange.say({"kind": "Status", "code": code, "message": "as the script says"}, code=code)

    async def scenario() -> ApiError | None:
        async with played(Script(step)) as api:
            ref = Ref(kind, "titanic", "titanic-metrics")
            manifest = {"kind": kind, "metadata": {"namespace": ref.namespace, "name": ref.name}}
            try:
                await Writer(api, may_write=lambda: leads).write(Create(ref, manifest))
            except ApiError as error:
                return error
        return None

    return asyncio.run(scenario())


@pytest.mark.parametrize("code", [403, 404, 405, 500, 503])
def test_an_optional_kind_that_fails_rejects(code: int) -> None:
    error = answering("PodMonitor", code)

    assert isinstance(error, RejectedError)
    assert "as the script says" in str(error)


@pytest.mark.parametrize(("code", "expected"), [(404, NotFoundError), (500, UnavailableError)])
def test_any_other_kind_is_awaited(code: int, expected: type[ApiError]) -> None:
    assert type(answering("Service", code)) is expected


def test_a_server_that_has_too_much_to_do_is_left_in_peace() -> None:
    assert type(answering("PodMonitor", 429)) is TooManyRequestsError


def test_who_does_not_lead_is_not_rejected() -> None:
    assert type(answering("PodMonitor", 201, leads=False)) is UnavailableError
