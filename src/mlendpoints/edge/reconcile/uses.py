"""What endpoints make of a template, of which thousands may use the same.

Of each user only what is asked is looked at, and others have their turn before the next one.
"""

import asyncio

from mlendpoints.core.endpoint.template_status import Use, use_of
from mlendpoints.core.world import Ref, Settings
from mlendpoints.edge.observe.cache import Cache


async def uses_of(cache: Cache, template: Ref, *, now: float, settings: Settings) -> tuple[Use, ...]:
    """The uses of a template by the endpoints that are there when it is their turn."""
    uses = []
    for user in cache.users(template):
        requested = cache.requested(user, now=now, settings=settings)
        if requested is not None:
            uses.append(use_of(requested))
        await asyncio.sleep(0)
    return tuple(uses)
