"""One JSON line on stdout for each request answered, with the request id that came with it.

Health probes that succeed are left out: they would be most of the log. It must
log nothing of a body.
"""

import time
from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = structlog.get_logger()


@dataclass
class Journal:
    """ASGI middleware around the whole application."""

    app: ASGIApp
    name: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and logs how it ended; ``status`` 0: the caller went away."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        statuses: list[int] = []
        start = time.monotonic()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self._log(scope, statuses, time.monotonic() - start)

    def _log(self, scope: Scope, statuses: list[int], seconds: float) -> None:
        status = statuses[0] if statuses else 0
        if (scope["path"], status) == ("/ping", 200):
            return
        LOG.info(
            "Answered a request",
            model=self.name,
            request_id=Headers(scope=scope).get("x-request-id", ""),
            method=scope["method"],
            path=scope["path"],
            status=status,
            seconds=round(seconds, 6),
        )
