import asyncio
from itertools import count

import msgspec

from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.template_status import TemplateWorld, Use, plan_config, plan_model
from mlendpoints.core.world import Ref
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.reconcile.uses import uses_of
from tests.edge.objects import NAMESPACE, a_config, a_model, an_endpoint, filled
from tests.kit.builders import a_config as a_config_template
from tests.kit.builders import a_model as a_model_template
from tests.kit.builders import some_settings

ENDPOINT, CONFIG, MODEL = "MachineLearningEndpoint", "MachineLearningEndpointConfig", "MachineLearningModel"
USERS = 5000
RFC = Ref(MODEL, NAMESPACE, "rfc")


def used_by(users: int) -> Cache:
    endpoints = ((ENDPOINT, an_endpoint(f"ep-{n:04}", host=f"ep-{n}.example.com")) for n in range(users))
    return filled((MODEL, a_model("rfc")), (CONFIG, a_config("cfg", "rfc")), *endpoints)


async def looked_at(cache: Cache) -> tuple[tuple[Use, ...], int]:
    """The uses, and how often another task had its turn meanwhile."""
    turns = count()

    async def other() -> None:
        while True:
            next(turns)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    uses = await uses_of(cache, RFC, now=0.0, settings=some_settings())
    task.cancel()
    return uses, next(turns)


def test_others_have_their_turn_while_a_template_of_thousands_of_users_is_looked_at() -> None:
    uses, turns = asyncio.run(looked_at(used_by(USERS)))

    assert len(uses) == USERS
    assert turns >= USERS


def test_the_status_of_a_template_of_thousands_of_users_names_ten_and_counts_all() -> None:
    uses, _ = asyncio.run(looked_at(used_by(USERS)))
    models = plan_model(TemplateWorld(template=a_model_template(), uses=uses, now=0.0))
    configs = plan_config(TemplateWorld(template=a_config_template(), uses=uses, now=0.0))

    assert models
    assert configs
    assert models.used_by == configs.used_by == tuple(f"ep-{n:04}" for n in range(10))
    assert models.used_by_count == configs.used_by_count == USERS
    assert max(len(msgspec.json.encode(status)) for status in (models, configs)) < 1024


def test_an_endpoint_that_goes_during_the_look_is_passed_over() -> None:
    cache = used_by(3)

    async def look() -> tuple[Use, ...]:
        looking = asyncio.create_task(uses_of(cache, RFC, now=0.0, settings=some_settings()))
        await asyncio.sleep(0)
        cache.drop(Ref(ENDPOINT, NAMESPACE, "ep-0002"))
        return await looking

    assert [use.endpoint for use in asyncio.run(look())] == ["ep-0000", "ep-0001"]


def test_a_status_that_names_more_users_is_read() -> None:
    named = {"usedBy": [f"ep-{n}" for n in range(50)]}
    model = msgspec.convert(msgspec.to_builtins(a_model_template()) | {"status": named}, Model)

    assert len(model.status.used_by) == 50
