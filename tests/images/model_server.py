"""A model server in a thread of the tests, whose answers a test scripts."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def serving(
    answer: Callable[[BaseHTTPRequestHandler], None], methods: Iterable[str], go_on: threading.Event
) -> Iterator[int]:
    """Its port, until the block ends; ``go_on`` is set then, so that no answer waits for it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the base class's
            """Keeps the tests' output clean."""

    for method in methods:
        setattr(Handler, f"do_{method}", answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
