"""The real garbage collector: it looks for new kinds every 30 s, and until then collects nothing that theirs own."""

import asyncio
import uuid

from mlendpoints.edge.kube.kinds import MODEL
from tests.kit.client import Client
from tests.kit.waiting import poll_until

_CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
_MOMENT = 0.5  # seconds in which it collects what it knows


async def until_it_knows_the_kinds(client: Client) -> None:
    """Waits until an orphan of a model is collected."""
    await poll_until(lambda: _collects_an_orphan(client), "the garbage collector knows the project's kinds")


async def _collects_an_orphan(client: Client) -> bool:
    """A new one each time: what it could not collect it tries again later and later."""
    uid = str(uuid.uuid4())
    owner = {"apiVersion": MODEL.api_version, "kind": MODEL.name, "name": "nobody", "uid": uid}
    name = f"orphan-{uid}"
    await client.create(_CONFIG_MAPS, {"metadata": {"name": name, "ownerReferences": [owner]}})
    await asyncio.sleep(_MOMENT)
    return await client.is_gone(f"{_CONFIG_MAPS}/{name}")
