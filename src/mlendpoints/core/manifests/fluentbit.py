"""Fluent Bit: CPU, memory, IO and open files of the pod's processes, for nginx, which passes them on (docs/adr/0070).

It has the model's user and group: the kernel shows ``/proc/PID/io`` and ``/proc/PID/fd`` to no other. It must never
have anything that the model may not see: no credentials, no volumes but the supervisor's.
"""

from typing import Final

from mlendpoints.api.model import Model
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.sidecar import Sidecar, own_resources

NAME: Final = "fluent-bit"
PORT: Final = 2021  # on the pod's loopback address, where nginx reads
PROGRAM: Final = "/fluent-bit/bin/fluent-bit"  # in the image of its publisher, which has no shell
SECONDS: Final = 5  # between two readings of /proc; nginx reads as often
# Its whole configuration: options of its command line, each with the properties of that input or output. Not the
# metrics called "thread", which are eight lines for each thread: nginx counts threads.
CONFIGURATION: Final = (
    "--flush=1",
    *("--input=process_exporter_metrics", f"--prop=scrape_interval={SECONDS}", "--prop=metrics=cpu,memory,io,fd"),
    *("--output=prometheus_exporter", "--match=*", "--prop=host=127.0.0.1", f"--prop=port={PORT}"),
)


def is_in(instance: Model) -> bool:
    """Whether its pods have one: the operator had an image, and the model's processes may be seen by others."""
    return bool(instance_of(instance).images.fluent_bit) and not instance.spec.own_process_namespace


def make_fluent_bit(instance: Model) -> Sidecar | None:
    """The container; a pod serves without it."""
    if not is_in(instance):
        return None
    frozen = instance_of(instance)
    return Sidecar(
        name=NAME,
        container={
            "image": frozen.images.fluent_bit,
            "imagePullPolicy": frozen.images.pull_policy,
            "command": [PROGRAM],
            "args": list(CONFIGURATION),
            "resources": own_resources(frozen.fluent_bit, {"cpu": "10m", "memory": "32Mi"}, {"memory": "128Mi"}),
        },
        user="model",
        essential=False,
        sees_processes=True,
    )
