"""A way to an API server that can be closed: connections break, new ones are refused, as if it had stopped."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.kit.ports import free_port

_CHUNK = 1 << 16


class Gate:
    """Forwards one port to a server on this machine, in a thread of its own, while it is open."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._carried: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._carried)

    def open(self) -> None:
        self._run(self._open())

    def close(self) -> None:
        self._run(self._close())

    def stop(self) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: "Awaitable[None]") -> None:
        async def run() -> None:
            await work

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._carried.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
            finally:
                far_writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._carried.discard(task)
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(_CHUNK):
        writer.write(content)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof() if writer.can_write_eof() else writer.close()


@contextmanager
def gate_to(kubeconfig: Path, folder: Path) -> Iterator[tuple[Gate, Path]]:
    """An open gate to the API server of a kubeconfig, and a kubeconfig that leads through it."""
    known = yaml.safe_load(kubeconfig.read_text())
    cluster = known["clusters"][0]["cluster"]
    gate = Gate(urlsplit(cluster["server"]).port or 443)
    cluster["server"] = f"https://127.0.0.1:{gate.port}"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(known))
    gate.open()
    try:
        yield gate, path
    finally:
        gate.stop()
