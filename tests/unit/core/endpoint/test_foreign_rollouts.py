"""Others may restart a Deployment, or change its pods: whoever still answers counts, of whichever template."""

import pytest
from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.plan import SetStatus
from mlendpoints.core.world import ContainerFacts, PodFacts, Ref, World
from tests.kit import builders
from tests.simulation import Cluster

STARTING = ContainerFacts(name="model")
CRASHING = ContainerFacts(name="model", exit_code=1, exit_reason="Error", restarts=3, waiting_reason="CrashLoopBackOff")


def while_rolling_out(cluster: Cluster, newest: ContainerFacts) -> World:
    """Somebody has changed the pod template of blue: a surge pod of it starts while all old pods answer."""
    world, name = cluster.world(), cluster.instance("blue")
    ref = Ref("Deployment", builders.NAMESPACE, name)
    deployment = replace(world.children[ref], current=False, newest_ready=0)
    pods = (*world.pods, PodFacts(name="surge", instance=name, containers=(newest,)))
    return replace(world, children={**world.children, ref: deployment}, pods=pods)


@pytest.mark.parametrize(
    ("newest", "ready"), [(STARTING, ("Unknown", "InstancesStarting")), (CRASHING, ("False", "CrashLooping"))]
)
def test_an_endpoint_whose_old_pods_answer_is_in_service(newest: ContainerFacts, ready: tuple[str, str]) -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(instances=2)), builders.a_model()
    ).settle()

    plan = plan_endpoint(while_rolling_out(cluster, newest))

    assert plan.status is not None
    told = {condition.type: (condition.status, condition.reason) for condition in plan.status.conditions}
    assert (plan.status.state, told["Available"]) == ("InService", ("True", "InService"))
    assert told["ModelsReady"] == ready
    assert [variant.ready_instances for variant in plan.status.variants] == [2]
    assert not [event for event in plan.events if event.reason == "InstancesStarting"]


def test_the_instance_shows_the_pods_that_answer() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(instances=2)), builders.a_model()
    ).settle()
    name = cluster.instance("blue")

    writes = plan_endpoint(while_rolling_out(cluster, CRASHING)).writes

    said = next(write.status for write in writes if isinstance(write, SetStatus) and write.child.ref.name == name)
    assert said["readyReplicas"] == 2
