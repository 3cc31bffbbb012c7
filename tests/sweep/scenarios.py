"""What users do, one function for each scenario: first what stands before, then what is swept.

A scenario waits for what it sees in the store, never for a time, so that it
goes the same way whenever the operator dies and is restarted.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from tests.sweep.user import ENDPOINT, User, variant
from tests.sweep.workloads import Behaviour

Act = Callable[[User], Awaitable[None]]


class Scenario(Struct, frozen=True):
    """``prepare`` runs undisturbed; at every write that follows from ``act`` the operator is killed once.

    In a ``race`` of users with the operator it depends on the time which edits it sees, so that its history, and
    how often routes were written, may differ between two runs.
    """

    name: str
    about: str
    prepare: Act
    act: Act
    race: bool = False
    neighbour: bool = False  # with a tenant in the next namespace
    administrator: bool = False  # with gateway pods and credentials of its own


async def _models(user: User) -> None:
    await user.models("forest", "logit", "deep")


async def _nothing(_user: User) -> None:
    pass


async def _one(user: User) -> None:
    await user.models("forest", "deep")
    await user.config(variant("blue", "forest"))
    await user.endpoint()
    await user.sees_it_as_asked()


async def _two(user: User) -> None:
    await _models(user)
    await user.config(variant("blue", "forest", 90), variant("green", "logit", 10))
    await user.endpoint()
    await user.sees_it_as_asked()


async def _two_endpoints(user: User) -> None:
    await user.models("forest")
    await user.config(variant("blue", "forest"))
    for name in (ENDPOINT, "other"):
        await user.endpoint(name)
    for name in (ENDPOINT, "other"):
        await user.sees_it_as_asked(name)


async def _create(user: User) -> None:
    await user.config(variant("blue", "forest", 90), variant("green", "logit", 10))
    await user.endpoint()
    await user.sees_it_as_asked()


async def _create_backwards(user: User) -> None:
    await user.endpoint()
    await user.config(variant("blue", "forest"))
    await user.models("forest")
    await user.sees_it_as_asked()


async def _weights(user: User) -> None:
    await user.share(variant("blue", "forest", 50), variant("green", "logit", 50))
    await user.sees_it_as_asked()


async def _more(user: User) -> None:
    await user.share(variant("blue", "forest", 1, 3))
    await user.sees_it_as_asked()


async def _three(user: User) -> None:
    await user.models("forest")
    await user.config(variant("blue", "forest", 1, 3))
    await user.endpoint()
    await user.sees_it_as_asked()


async def _fewer(user: User) -> None:
    await user.share(variant("blue", "forest"))
    await user.sees_it_as_asked()


async def _swap(user: User) -> None:
    await user.share(variant("blue", "deep"))
    await user.sees_it_as_asked()


async def _add(user: User) -> None:
    await user.share(variant("blue", "forest", 3), variant("green", "deep", 1))
    await user.sees_it_as_asked()


async def _remove(user: User) -> None:
    await user.share(variant("blue", "forest"))
    await user.sees_it_as_asked()


async def _empty(user: User) -> None:
    await user.share(variant("blue", "forest", 90), variant("green", "logit", 0, 0))
    await user.sees_it_as_asked()


async def _blue_green(user: User) -> None:
    await user.config(variant("blue", "deep", 80), variant("green", "logit", 20), name="next")
    await user.edit(kinds.ENDPOINT, ENDPOINT, config="next")
    await user.sees_it_as_asked()


async def _template(user: User) -> None:
    await user.edit(kinds.MODEL, "forest", image="localhost/forest-2")
    for name in (ENDPOINT, "other"):
        await user.sees_it_as_asked(name)


async def _burst(user: User) -> None:
    await user.share(variant("blue", "forest", 2))
    await user.edit(kinds.MODEL, "deep", image="localhost/deep-2")
    await user.share(variant("blue", "forest", 2), variant("green", "deep", 1))
    await user.share(variant("blue", "deep", 2))
    await user.sees_it_as_asked()


async def _begin_a_swap(user: User) -> None:
    """To a model whose pods keep starting."""
    user.pods("deep", Behaviour.STARTING)
    await user.share(variant("blue", "deep"))
    await user.sees_pods_of("deep")


async def _supersede(user: User) -> None:
    await _begin_a_swap(user)
    await user.models("logit")
    await user.share(variant("blue", "logit"))
    await user.sees_it_as_asked()


async def _take_back(user: User) -> None:
    await _begin_a_swap(user)
    await user.share(variant("blue", "forest"))
    await user.sees_it_as_asked()


async def _turn_back(user: User) -> None:
    old = user.instance("blue")
    await user.share(variant("blue", "deep"))
    await user.sees(lambda: old not in user.destinations(), "routes do without the old instance")
    await user.share(variant("blue", "forest"))
    await user.sees_it_as_asked()


async def _fail(user: User) -> None:
    user.pods("deep", Behaviour.CRASHING)
    await user.share(variant("blue", "deep"))
    await user.sees_it_say("exit code 3")
    await user.edit(kinds.ENDPOINT, ENDPOINT, update={"deadlineSeconds": 1})
    await user.sees_it_fail()
    await user.sees_no_pods_of("deep")
    user.pods("deep", Behaviour.READY)
    await user.edit(kinds.ENDPOINT, ENDPOINT, update={"deadlineSeconds": 600, "attempt": "2"})
    await user.sees_it_as_asked()


async def _return(user: User) -> None:
    """An update whose traffic has shifted, but not at every gateway pod, is superseded by one that fails."""
    assert user.administrator is not None
    user.administrator.keeps_callers_from("deep")
    old = user.instance("blue")
    await user.share(variant("blue", "deep"))
    await user.sees(lambda: user.destinations().isdisjoint({old}), "routes lead to the new instance")
    await user.models("logit")
    user.pods("logit", Behaviour.CRASHING)
    await user.share(variant("blue", "logit"))
    await user.sees_it_say("exit code 3")
    await user.edit(kinds.ENDPOINT, ENDPOINT, update={"deadlineSeconds": 1})
    await user.sees_it_fail()
    await user.sees(lambda: user.destinations() == {old}, "routes lead to what served before")
    for model in ("deep", "logit"):
        await user.sees_no_pods_of(model)
    user.pods("logit", Behaviour.READY)
    await user.edit(kinds.ENDPOINT, ENDPOINT, update={"deadlineSeconds": 600, "attempt": "2"})
    await user.sees_it_as_asked()


async def _fail_at_first(user: User) -> None:
    user.pods("forest", Behaviour.STARTING)
    await user.config(variant("blue", "forest"))
    await user.endpoint()
    await user.sees_it_say("0 of 1 pods")
    await user.edit(kinds.ENDPOINT, ENDPOINT, update={"deadlineSeconds": 1})
    await user.sees_it_fail()
    user.pods("forest", Behaviour.READY)
    await user.sees_it_as_asked()


async def _delete(user: User) -> None:
    await user.delete(kinds.ENDPOINT, ENDPOINT)
    await user.sees_it_gone()


async def _delete_amid(user: User) -> None:
    await _begin_a_swap(user)
    await user.delete(kinds.ENDPOINT, ENDPOINT)
    await user.sees_it_gone()


async def _delete_and_create(user: User) -> None:
    await user.delete(kinds.ENDPOINT, ENDPOINT)
    await user.endpoint_again()
    await user.sees_it_as_asked()


async def _swapped(user: User) -> None:
    await _one(user)
    await _swap(user)


async def _roll_back(user: User) -> None:
    await user.share(variant("blue", "forest"))
    await user.sees_it_as_asked()


async def _lose_routes(user: User) -> None:
    await _lose(user, Ref(kinds.VIRTUAL_SERVICE.name, "", ENDPOINT))


async def _lose_rule(user: User) -> None:
    await _lose(user, Ref(kinds.DESTINATION_RULE.name, "", user.instance("blue")))


async def _lose_deployment(user: User) -> None:
    await _lose(user, Ref(kinds.DEPLOYMENT.name, "", user.instance("blue")))


async def _lose_instance(user: User) -> None:
    await _lose(user, Ref(kinds.MODEL.name, "", user.instance("blue")))


async def _lose(user: User, ref: Ref) -> None:
    kind = kinds.KINDS[ref.kind]
    before = user.uid(kind, ref.name)
    await user.damage(kind, ref.name)
    await user.sees(lambda: user.uid(kind, ref.name) not in ("", before), f"{ref.kind} {ref.name} is re-created")
    await user.sees_it_as_asked()


async def _turn_weights(user: User) -> None:
    await user.turn_weights(ENDPOINT)
    await user.sees_it_as_asked()


async def _scale_and_swap(user: User) -> None:
    await user.edit(kinds.MODEL, user.instance("blue"), replicas=2)
    await user.share(variant("blue", "deep"))
    await user.sees_it_as_asked()


async def _beside_hostile_objects(user: User) -> None:
    await _one(user)
    routes = user.get(kinds.VIRTUAL_SERVICE, ENDPOINT)
    assert user.neighbour is not None
    assert routes is not None
    await user.neighbour.write(routes)


async def begin_an_outage(user: User) -> None:
    """Pods get ready, and the deadline passes, while no operator lives."""
    assert user.outage is not None
    await _begin_a_swap(user)
    await user.sees_it_updating()
    async with user.outage():
        await user.edit(kinds.ENDPOINT, ENDPOINT, update={"deadlineSeconds": 1})
        user.pods("deep", Behaviour.READY)
        await user.sees_ready_pods_of("deep")
        await user.waits_past(2.0)


async def _outage(user: User) -> None:
    await begin_an_outage(user)
    await user.sees_it_succeed()
    await user.sees_it_as_asked()


async def _tls_without_a_credential(user: User) -> None:
    """HTTPS is asked for; then the administrator has a credential for it."""
    await user.edit(kinds.ENDPOINT, ENDPOINT, tls=True)
    await user.sees_it_say("has no TLS credential")
    await user.puts_credential("first")
    await user.names_credential("first")
    await user.sees_it_as_asked()


async def _named_credential(user: User) -> None:
    await _one(user)
    await user.names_credential("first")
    await user.sees_it_as_asked()


async def _tls_without_a_secret(user: User) -> None:
    """The credential that the operator names is not where the gateway's pods look for it, until it is."""
    await user.edit(kinds.ENDPOINT, ENDPOINT, tls=True)
    await user.sees_it_say(", probed with https://")
    await user.puts_credential("first")
    await user.sees_it_as_asked()


async def _https(user: User) -> None:
    await _named_credential(user)
    await user.puts_credential("first")
    await user.edit(kinds.ENDPOINT, ENDPOINT, tls=True)
    await user.sees_it_as_asked()


async def _rename_credential(user: User) -> None:
    await user.puts_credential("second")
    await user.names_credential("second")
    await user.sees_doors_with("second")
    await user.sees_it_as_asked()


async def _lose_a_node(user: User) -> None:
    """In the midst of an update a gateway pod answers nothing more; it stays listed."""
    await _begin_a_swap(user)
    await user.loses_a_node()
    user.pods("deep", Behaviour.READY)
    await user.sees_it_as_asked()


async def _rival(user: User) -> None:
    """Another endpoint of the same host waits, as it is told, until it is deleted."""
    await user.endpoint("rival", host=user.host(ENDPOINT))
    await user.sees_it_say("HostConflict", "rival")
    await user.delete(kinds.ENDPOINT, "rival")
    await user.sees(lambda: user.get(kinds.ENDPOINT, "rival") is None, "the rival is gone")


SCENARIOS = (
    Scenario("create", "config and endpoint with two variants", _models, _create),
    Scenario("create-backwards", "endpoint before config before model", _nothing, _create_backwards),
    Scenario("weights", "90/10 becomes 50/50", _two, _weights),
    Scenario("instances-up", "one pod becomes three", _one, _more),
    Scenario("instances-down", "three pods become one", _three, _fewer),
    Scenario("swap", "another model behind the same variant", _one, _swap),
    Scenario("add-model", "a second variant", _one, _add),
    Scenario("remove-model", "the second variant goes", _two, _remove),
    Scenario("empty-variant", "a variant keeps no weight and no pods", _two, _empty),
    Scenario("blue-green", "spec.config names another config", _two, _blue_green),
    Scenario("shared-template", "edit of a model that two endpoints use", _two_endpoints, _template),
    Scenario("burst", "four edits at once", _one, _burst, race=True),
    Scenario("superseded", "an edit while an update waits for pods", _one, _supersede),
    Scenario("taken-back", "edited back to what serves while an update waits", _one, _take_back),
    Scenario("turned-back", "edited back as soon as the new routes are written", _one, _turn_back, race=True),
    Scenario("rollback", "edited back to what served before", _swapped, _roll_back),
    Scenario("failure", "pods crash, the deadline passes, spec.update.attempt tries again", _one, _fail),
    Scenario("returned", "the traffic has shifted, another edit fails", _one, _return, administrator=True),
    Scenario("first-failure", "the first creation fails and recovers by itself", _models, _fail_at_first),
    Scenario("delete", "the endpoint is deleted", _two, _delete),
    Scenario("delete-amid-update", "deleted while an update waits for pods", _one, _delete_amid),
    Scenario("delete-and-create", "deleted and created again at once", _one, _delete_and_create),
    Scenario("lost-routes", "the VirtualService is deleted by hand", _two, _lose_routes),
    Scenario("lost-rule", "a DestinationRule is deleted by hand", _one, _lose_rule),
    Scenario("lost-deployment", "a serving Deployment is deleted by hand", _one, _lose_deployment),
    Scenario("lost-instance", "a serving model instance is deleted by hand", _one, _lose_instance, race=True),
    Scenario("turned-weights", "the weights are edited by hand in the VirtualService", _two, _turn_weights),
    Scenario("outage", "no operator while pods get ready and the deadline passes", _one, _outage),
    Scenario("hostile", "a swap beside a tenant's objects", _beside_hostile_objects, _swap, neighbour=True),
    Scenario("rival", "another endpoint asks for the same host, and is deleted", _one, _rival),
    Scenario("tls", "HTTPS without a credential, then with one", _one, _tls_without_a_credential, administrator=True),
    Scenario(
        "tls-secret", "HTTPS before its Secret is there", _named_credential, _tls_without_a_secret, administrator=True
    ),
    Scenario("tls-renamed", "the credential gets another name", _https, _rename_credential, administrator=True),
    Scenario("dead-node", "a gateway pod dies amid an update, still listed", _one, _lose_a_node, administrator=True),
    Scenario("scale-and-swap", "scaled by hand, then swapped", _one, _scale_and_swap),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
