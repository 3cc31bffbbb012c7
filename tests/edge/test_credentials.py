"""Credentials stay in requests: no error contains them."""

import asyncio

import pytest
from lightkube import KubeConfig
from lightkube.config.kubeconfig import SingleConfig

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import UnavailableError
from mlendpoints.edge.kube.session import open_session

TOKEN = "a-token-of-the-test"


def test_an_error_about_a_malformed_response_does_not_contain_the_token() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert TOKEN in (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(respond, "127.0.0.1", 0)
        async with server, open_session(config(server.sockets[0].getsockname()[1])) as session:
            with pytest.raises(UnavailableError) as raised:
                await Api(session).get(Ref("Pod", "ns", "a"))
        assert "400" in str(raised.value)
        assert TOKEN not in str(raised.value)

    asyncio.run(scenario())


def config(port: int) -> SingleConfig:
    found = KubeConfig.from_dict(
        {
            "current-context": "one",
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "clusters": [{"name": "one", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "one", "user": {"token": TOKEN}}],
        }
    ).get()
    assert found
    return found
