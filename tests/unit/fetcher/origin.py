"""A real web server of artifacts, whose answers a test scripts; and archives to be served by it."""

import gzip
import io
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What to send; ``hold`` keeps the second half of the body back, ``cut`` never sends it."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hold: threading.Event | None = None


@dataclass
class Origin:
    """The server, the answers it has yet to give (the last one forever) or how to answer, and the requests so far."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    requests: list[Mapping[str, str]] = field(default_factory=list)
    sent_half: threading.Event = field(default_factory=threading.Event)
    reply: Callable[[Mapping[str, str]], Answer] | None = None

    def answer(self) -> Answer:
        if self.reply:
            return self.reply(self.requests[-1])
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Origin]:
    """An origin on a free port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            origin.requests.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
            _send(self, origin)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the base class's
            """Keeps the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    origin = Origin(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield origin
    finally:
        for answer in origin.answers:
            if answer.hold:
                answer.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _send(handler: BaseHTTPRequestHandler, origin: Origin) -> None:
    answer = origin.answer()
    handler.send_response(answer.status)
    for key, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
        handler.send_header(key, value)
    handler.end_headers()
    half = len(answer.body) // 2 if answer.cut or answer.hold else len(answer.body)
    try:
        handler.wfile.write(answer.body[:half])
        handler.wfile.flush()
        origin.sent_half.set()
        if answer.hold:
            answer.hold.wait()
        if not answer.cut:
            handler.wfile.write(answer.body[half:])
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True


def part_of(content: bytes, asked: str) -> Answer:
    """What a server of ranges answers to a Range header."""
    first, last = asked.removeprefix("bytes=").split("-")
    body = content[int(first) : int(last) + 1]
    sent = f"bytes {first}-{int(first) + len(body) - 1}/{len(content)}"
    return Answer(body, 206, {"ETag": '"1"', "Content-Range": sent})


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:  # noqa: ANN401 - TarInfo's
    """One entry of an archive; ``fields`` are those of ``TarInfo``."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=0o700)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """An uncompressed archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=form) as file:
        for info, content in members:
            file.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def tar_gz(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """The same, compressed."""
    return gzip.compress(tar(*members, form=form), mtime=0)
