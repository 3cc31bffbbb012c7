"""Watches of the client across broken connections: nothing is lost, nothing is reported twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from mlendpoints.client import AsyncMLOpsClient, MLOpsClient
from tests.apiserver.client.conftest import a_model


class Proxy:
    """Forwards connections to the API server, until they are cut."""

    def __init__(self, server: str) -> None:
        self._server = urlsplit(server)
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its URL."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        try:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            self.cut()
            server.close()

    def cut(self) -> None:
        """Ends all connections; new ones are forwarded again."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._server.hostname, self._server.port)
        self._writers += [writer, there[1]]
        await asyncio.gather(_forward(reader, there[1]), _forward(there[0], writer))


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(1 << 16):
            writer.write(piece)
    except OSError:
        return
    finally:
        writer.close()


def test_what_happens_while_a_watch_is_broken_is_reported_afterwards(
    client: MLOpsClient, kubeconfig: Path, tmp_path: Path, namespace: str
) -> None:
    client.V1Alpha1Model.create(a_model("deleted"))
    client.V1Alpha1Model.create(a_model("stays"))
    config = yaml.safe_load(kubeconfig.read_text())
    proxy = Proxy(config["clusters"][0]["cluster"]["server"])
    through = tmp_path / "kubeconfig"

    async def play() -> list[tuple[str, str]]:
        async with proxy.listening() as url:
            config["clusters"][0]["cluster"]["server"] = url
            through.write_text(yaml.safe_dump(config))
            async with (
                AsyncMLOpsClient(kubeconfig=through, namespace=namespace) as watcher,
                aclosing(watcher.V1Alpha1Model.watch()) as changes,
            ):
                seen = [await anext(changes), await anext(changes)]
                await asyncio.to_thread(client.V1Alpha1Model.create, a_model("watched"))
                seen.append(await anext(changes))  # now the watch is open
                proxy.cut()
                await asyncio.to_thread(client.V1Alpha1Model.delete, "deleted", wait=True)
                await asyncio.to_thread(client.V1Alpha1Model.create, a_model("new"))
                seen += [await anext(changes), await anext(changes)]
                return [(change.type, change.object.metadata.name) for change in seen]

    assert asyncio.run(play()) == [
        ("ADDED", "deleted"),
        ("ADDED", "stays"),
        ("ADDED", "watched"),
        ("DELETED", "deleted"),
        ("ADDED", "new"),
    ]
