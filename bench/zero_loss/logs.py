"""The ids that model pods have written down, each pod's log followed from its first line to its last.

A pod that is gone takes its log along: so each is followed from the moment its
container runs. A stream that breaks off is resumed from the first line.
"""

import asyncio
from collections import Counter

from aiohttp import ClientError

from bench.zero_loss.sight import Pod, Sight
from tests.kit.client import Client, RequestError

_PAUSE = 0.05  # seconds


class Logs:
    """The logs of all model pods of one namespace."""

    def __init__(self, client: Client, namespace: str, sight: Sight) -> None:
        self._client = client
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._sight = sight
        self._streams: dict[str, list[list[str]]] = {}

    @property
    def counts(self) -> Counter[str]:
        """How often each id was written down."""
        longest = (max(streams, key=len) for streams in self._streams.values() if streams)
        return Counter(identity for ids in longest for identity in ids)

    async def follow(self) -> None:
        """Follows the pods that there are and those to come, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for pod in list(self._sight.pods.values()):
                    if pod.running and pod.name not in self._streams:
                        self._streams[pod.name] = []
                        group.create_task(self._follow_pod(pod))
                await asyncio.sleep(_PAUSE)

    async def _follow_pod(self, pod: Pod) -> None:
        while not pod.gone:
            ids: list[str] = []
            self._streams[pod.name].append(ids)
            try:
                async for line in self._client.lines(f"{self._pods}/{pod.name}/log?container=model&follow=true"):
                    ids.append(line)  # noqa: PERF401 - each line counts as soon as it is there
            except (RequestError, ClientError):
                await asyncio.sleep(_PAUSE)
                continue
            if pod.leaving:
                return
