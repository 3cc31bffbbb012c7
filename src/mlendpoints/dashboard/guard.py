"""Who may read the page: a browser that was opened with the printed URL, and no other page in it.

Other users of the machine and every page of every site can connect to a loopback port. So each request must name this
address as its host (against DNS rebinding), come from the page itself, and carry a secret that only the printed URL
gives out. Responses allow no script, style or frame of others.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the printed URL contains the token
    "X-Content-Type-Options": "nosniff",
}
_OWN = ("none", "same-origin")  # who sends a request, as browsers say: a person, the page itself
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>mlendpoints</title>{head}</head><body><main><h1>mlendpoints</h1><p>{text}</p></main></body></html>
"""
CLOSED = _PAGE.format(head="", text="Open the address that <code>mlendpoints dashboard</code> has printed.")
# The next request comes from this page, so that the cookie is sent with it even if another site's link led here.
OPENED = _PAGE.format(
    head='<meta http-equiv="refresh" content="0; url=/">', text='<a href="/">Continue to the dashboard</a>'
)


class Guard:
    """The secrets of one run."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        self._hosts: frozenset[str] = frozenset()
        self._cookie = ""

    def listen(self, port: int) -> None:
        """The port that is listened on: names the hosts that requests may be for, and the cookie."""
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._cookie = f"mlendpoints-{port}"  # browsers do not separate cookies by port

    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets a request pass, or responds to it."""
        if request.headers.getall("Host", []) not in [[host] for host in self._hosts]:
            return _closed(421)
        if request.method not in ("GET", "HEAD"):
            return _closed(405)
        if request.path == "/" and "token" in request.query:
            return self._exchange(request.query["token"])
        if not self._is_known(request):
            return _closed(403)
        return await handler(request)

    def _exchange(self, token: str) -> web.Response:
        if not _same(token, self.token):
            return _closed(403)
        response = web.Response(text=OPENED, content_type="text/html")
        response.set_cookie(self._cookie, self._session, httponly=True, samesite="Strict", path="/")
        return response

    def _is_known(self, request: web.Request) -> bool:
        own = request.headers.get("Sec-Fetch-Site", "none") in _OWN
        return own and _same(request.cookies.get(self._cookie, ""), self._session)


def _same(text: str, secret: str) -> bool:
    return hmac.compare_digest(text.encode(errors="surrogateescape"), secret.encode())


def _closed(status: int) -> web.Response:
    return web.Response(text=CLOSED, content_type="text/html", status=status)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every response."""
    response.headers.update(HEADERS)
