"""An optional sidecar that only tests know, for instances whose model requests it by a variable: ``AGENT``, its source.

It stands in for those that watch a pod's processes or ship its captured traffic.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlendpoints.api.model import Model
from mlendpoints.core.manifests import sidecars
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.sidecar import Sidecar

NAME = "agent"
ASKED, IMAGE = "AGENT", "AGENT_IMAGE"  # variables of the model
MEMORY = "32Mi"


def make_agent(instance: Model) -> Sidecar | None:
    """Runs a program of Python, by default in model-init's image."""
    asked = {variable.name: variable.value for variable in instance.spec.env}
    if ASKED not in asked:
        return None
    return Sidecar(
        name=NAME,
        container={
            "image": asked.get(IMAGE) or instance_of(instance).images.model_init,
            "command": ["python3", "-c"],
            "args": [asked[ASKED]],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": MEMORY}},
            "volumeMounts": [{"name": "agent-tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume of its own
        },
        volumes=({"name": "agent-tmp", "emptyDir": {"sizeLimit": "1Mi"}},),
        ports={"agent": 2021},
        essential=False,
    )


@contextmanager
def listed(*makers: Callable[[Model], Sidecar | None]) -> Iterator[None]:
    """Instances have these sidecars, too."""
    before = sidecars.SIDECARS
    sidecars.SIDECARS = (*before, *makers)  # type: ignore[misc] # it is final for everybody else
    try:
        yield
    finally:
        sidecars.SIDECARS = before  # type: ignore[misc]
