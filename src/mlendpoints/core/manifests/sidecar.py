"""A sidecar as a value, and its container in a pod.

Ours run with a read-only root, as users of their own, so that the model can neither signal them nor write to their
files. An optional sidecar runs under a supervisor that never ends, because the kubelet takes a pod out of its Services
when any container is not ready (docs/adr/0061).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Final, Literal

from msgspec import Struct

from mlendpoints.api.model import FETCHER_USER_ID, PROXY_USER_ID, RESERVED_USER_IDS, Container, Model
from mlendpoints.api.monitoring import METRICS_PORT
from mlendpoints.api.rules.server import PODS_OWN_PORTS
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import instance_of

# What reads packets: root, since a capability is in effect for no other user unless a program's file grants it, which
# allowPrivilegeEscalation: false forbids. Of root's capabilities it has this one only.
PACKETS: Final[Mapping[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": False,
    "runAsUser": 0,
}
SECURITY: Final[Mapping[str, Any]] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
OWN_SECURITY: Final[Mapping[str, Any]] = {**SECURITY, "readOnlyRootFilesystem": True}
GROUP_ID = 1000  # of the artifact's volume and of the fetcher, independent of the model's user
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
FOLDER = "/supervise"  # where the supervisor is, in a volume
VOLUME: Final[Manifest] = {"name": "supervisor", "emptyDir": {"sizeLimit": "16Mi"}}
_MOUNT = {"name": "supervisor", "mountPath": FOLDER}
_INSTALL = ["/usr/local/bin/supervise", "install", FOLDER]  # in the image of model-init


class Sidecar(Struct, frozen=True, kw_only=True):
    """A container beside the model's: what is its own; the pod's builder adds the rest.

    Without ``user`` it gets a number of its own; ``model`` is for those that read what only the model's user may. One
    that is not ``essential`` needs a command, and has no probes. If one ``sees_processes``, the pod's containers share
    their process namespace. One that ``sees_packets`` is root, with the one capability for that; Pod Security allows it
    in privileged namespaces only.
    """

    name: str
    container: Manifest
    volumes: tuple[Manifest, ...] = ()
    ports: Mapping[str, int] = {}
    user: int | Literal["model"] | None = None
    essential: bool = True
    sees_processes: bool = False
    sees_packets: bool = False


def make_containers(instance: Model, sidecars: Iterable[Sidecar]) -> list[Manifest]:
    """The containers of a pod's sidecars."""
    free, made = _free_users(instance), list[Manifest]()
    for sidecar in sidecars:
        _check(sidecar)
        user = next(free) if sidecar.user is None else sidecar.user
        made.append(_container(instance, sidecar, *(model_user(instance) if user == "model" else (user, user))))
    return made


def _container(instance: Model, sidecar: Sidecar, user: int, group: int) -> Manifest:
    ports = [{"name": name, "containerPort": port} for name, port in sidecar.ports.items()]
    return {
        **stops_when(f"/drained?seconds={instance_of(instance).drain_seconds}"),  # with the model
        **sidecar.container,
        **({} if sidecar.essential else _supervised(sidecar.container)),
        **({"ports": ports} if ports else {}),
        "name": sidecar.name,
        "securityContext": (
            {**PACKETS, "runAsGroup": GROUP_ID}
            if sidecar.sees_packets
            else {**OWN_SECURITY, "runAsUser": user, "runAsGroup": group}
        ),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def stops_when(path: str) -> Manifest:
    """The container is stopped once nginx has answered this."""
    return {"lifecycle": {"preStop": {"httpGet": {"path": path, "port": METRICS_PORT}}}}


def own_resources(requested: Container | None, requests: dict[str, str], limits: dict[str, str]) -> Manifest:
    """As the administrator has set them, else these."""
    if requested is None:
        return {"requests": requests, "limits": limits}
    given = {"requests": dict(requested.requests), "limits": dict(requested.limits)}
    return {name: amounts for name, amounts in given.items() if amounts}


def model_user(instance: Model) -> tuple[int, int]:
    """User and group of the model. As in most images, a user's group has its number; group 0 only if requested."""
    spec = instance.spec
    return spec.run_as_user, spec.run_as_user if spec.run_as_group is None else spec.run_as_group


def _free_users(instance: Model) -> Iterator[int]:
    """Numbers below nginx's that no other container of the pod has."""
    taken = {*RESERVED_USER_IDS, instance.spec.run_as_user}
    return (user for user in count(PROXY_USER_ID - 1, -1) if user not in taken)


def _supervised(container: Manifest) -> Manifest:
    mounts = [*container.get("volumeMounts", []), {**_MOUNT, "readOnly": True}]
    return {"command": [f"{FOLDER}/supervise", "run", "--", *container["command"]], "volumeMounts": mounts}


def with_supervisor(container: Manifest, entry_point: list[str]) -> Manifest:
    """An init container with model-init's image that copies the supervisor to its volume first."""
    mounts = [*container.get("volumeMounts", []), _MOUNT]
    return {**container, "command": [*_INSTALL, "--", *entry_point], "volumeMounts": mounts}


def make_installer(instance: Model) -> Manifest:
    """An init container that copies the supervisor and does nothing else."""
    images = instance_of(instance).images
    return {
        "name": "supervisor",
        "image": images.model_init,
        "imagePullPolicy": images.pull_policy,
        "command": _INSTALL,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "volumeMounts": [_MOUNT],
        "securityContext": {**OWN_SECURITY, "runAsUser": FETCHER_USER_ID, "runAsGroup": GROUP_ID},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _check(sidecar: Sidecar) -> None:
    """Raises ``ValueError`` for one that could do harm: a mistake of ours, which the first unit test finds."""
    unknown = set(sidecar.ports.values()) - set(PODS_OWN_PORTS)
    if unknown:
        raise ValueError(f"ports {unknown} of sidecar {sidecar.name} must be in PODS_OWN_PORTS: no model may have them")
    if isinstance(sidecar.user, int) and sidecar.user not in RESERVED_USER_IDS:
        raise ValueError(f"user {sidecar.user} of sidecar {sidecar.name} must be in RESERVED_USER_IDS, or left out")
    if sidecar.essential:
        return
    if not sidecar.container.get("command"):
        raise ValueError(f"optional sidecar {sidecar.name} needs a command for its supervisor")
    if found := set(PROBES) & set(sidecar.container):
        raise ValueError(f"optional sidecar {sidecar.name} must not have {found}: it would make the pod unready")
