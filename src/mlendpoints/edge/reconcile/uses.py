"""The uses of a template by endpoints; thousands may use the same one.

Only the requested state of each endpoint is read, and the event loop gets its turn after each.
"""

import asyncio

from mlendpoints.core.endpoint.template_status import Use, use_of
from mlendpoints.core.world import Ref, Settings
from mlendpoints.edge.observe.cache import Cache


async def uses_of(cache: Cache, template: Ref, *, now: float, settings: Settings) -> tuple[Use, ...]:
    """The uses of a template by the endpoints that exist when they are read."""
    uses = []
    for user in cache.users(template):
        requested = cache.requested(user, now=now, settings=settings)
        if requested is not None:
            uses.append(use_of(requested))
        await asyncio.sleep(0)
    return tuple(uses)
