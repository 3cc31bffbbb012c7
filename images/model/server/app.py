"""The two routes of the contract as an ASGI application.

Its statuses: 400 unusable body, 405 wrong method, 406 unknown ``Accept``, 413 too
large, 415 unknown ``Content-Type``; each with ``{"error": reason}``. It must not
load the model: a model that cannot be loaded never listens.
"""

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import NotAcceptable, media_type, rendered
from .journal import Journal
from .model import Model
from .rows import CSV, JSON, BadInput, read_csv, read_json

READERS = {JSON: read_json, CSV: read_csv}
MAX_BODY_BYTES = 6 * 1024 * 1024
"""SageMaker's limit of a real-time invocation."""


def make_app(model: Model) -> Starlette:
    """The application that answers for one loaded model."""

    async def ping(_: Request) -> Response:
        return Response(status_code=200)

    async def invocations(request: Request) -> Response:
        asked = _content_type(request)
        media = media_type(request.headers.get("accept", "*/*"), asked)
        body = await _body(request)
        return Response(await run_in_threadpool(_answer, model, body, asked=asked, media=media), media_type=media)

    return Starlette(
        routes=[Route("/ping", ping, methods=["GET"]), Route("/invocations", invocations, methods=["POST"])],
        middleware=[Middleware(Journal, name=model.description.name)],
        exception_handlers={BadInput: _bad_input, NotAcceptable: _not_acceptable, HTTPException: _http_error},
    )


def _content_type(request: Request) -> str:
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media not in READERS:
        raise HTTPException(415, f"Content-Type is {media or 'missing'}; send {JSON} or {CSV}")
    return media


async def _body(request: Request) -> bytes:
    """The whole body; stops reading as soon as it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body is larger than {MAX_BODY_BYTES} bytes", {"Connection": "close"})
    return bytes(body)


def _answer(model: Model, body: bytes, *, asked: str, media: str) -> bytes:
    request = READERS[asked](body, model.description.features)
    return rendered(model.predictions(request.rows), request.shape, media)


def _bad_input(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _not_acceptable(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 406)


def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
